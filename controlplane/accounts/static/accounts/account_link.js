// The code of the link stands behind # in the address, where no server sees it: put it into the form and send it.
(() => {
  const form = document.querySelector("[data-account-link]");
  const code = window.location.hash.slice(1);
  if (!form || !code) return;
  form.elements.code.value = code;
  // Neither the history nor a copied address has it from here on.
  window.history.replaceState(null, "", window.location.pathname);
  form.requestSubmit();
})();
