// Keyboard shortcuts: / searches, g and a letter opens a page, ? lists the shortcuts.
(() => {
  const dialog = document.getElementById("keys");
  let going = 0;
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  for (const button of document.querySelectorAll("[data-keys]"))
    button.addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      typing(event.target) ||
      document.querySelector("dialog[open]")
    )
      return;
    if (Date.now() - going < 1500) {
      going = 0;
      const link = [...document.querySelectorAll("[data-key]")].find((place) => place.dataset.key === event.key);
      if (link) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    if (event.key === "g") going = Date.now();
    else if (event.key === "?") {
      event.preventDefault();
      dialog?.showModal();
    } else if (event.key === "/") {
      const search = document.querySelector("[data-search-open]");
      if (search) {
        event.preventDefault();
        search.click();
      }
    }
  });
})();
