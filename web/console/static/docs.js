// Shows the document. Keys that are typed here are kept nowhere, and nothing is sent to anybody else to be validated.
const shown = document.getElementById("swagger");
// Swagger UI leaves a level of headings out, and its introduction out of every landmark: screen readers go by both.
new MutationObserver(() => {
  const headings = shown.querySelectorAll("h3.opblock-tag:not([aria-level]), .models > h4:not([aria-level])");
  headings.forEach((one) => one.setAttribute("aria-level", "2"));
  shown.querySelectorAll(".information-container:not([role])").forEach((one) => {
    one.setAttribute("role", "region");
    one.setAttribute("aria-label", "About the API");
  });
}).observe(shown, { childList: true, subtree: true });
SwaggerUIBundle({
  url: "/v1/openapi.json",
  domNode: shown,
  validatorUrl: null,
  persistAuthorization: false,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: false,
});
