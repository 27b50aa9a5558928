// The code of the link stands behind # in the address, where no server sees it: put it into the form and send it.
(() => {
  const form = document.querySelector("[data-account-link]");

  function open() {
    const code = window.location.hash.slice(1);
    if (!code) return;
    if (!form) {
      // Another link was opened while this page shows the last one. With a query, it is another page and is loaded.
      window.location.replace(`${window.location.pathname}?${window.location.hash}`);
      return;
    }
    form.elements.code.value = code;
    // Neither the history nor a copied address has it from here on.
    window.history.replaceState(null, "", window.location.pathname);
    form.requestSubmit();
  }

  window.addEventListener("hashchange", open);
  open();
})();
