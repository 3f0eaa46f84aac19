// Shows the document. Keys that are typed here are kept nowhere, and nothing is sent to anybody else to be validated.
SwaggerUIBundle({
  url: "/v1/openapi.json",
  domNode: document.getElementById("swagger"),
  validatorUrl: null,
  persistAuthorization: false,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: false,
});
