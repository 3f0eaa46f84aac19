// Puts the code of the link into the form and sends it. The code leaves the address, so no history keeps it.
(() => {
  const code = location.hash.slice(1);
  if (!code) return;
  history.replaceState(null, "", location.pathname);
  const field = document.getElementById("code");
  field.value = code;
  field.form.requestSubmit();
})();
