// The search dialog: / opens it, arrows select, Enter opens a result. htmx loads the results.
(() => {
  const dialog = document.getElementById("search");
  if (!dialog) return;
  const field = dialog.querySelector("input");
  for (const link of document.querySelectorAll("[data-search-open]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      dialog.showModal();
      field.select();
    });
  }
  dialog.addEventListener("keydown", (event) => {
    const places = [field, ...dialog.querySelectorAll(".hit")];
    const here = places.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && here >= 0) {
      event.preventDefault();
      places[(here + step + places.length) % places.length].focus();
    } else if (
      event.key === "Enter" &&
      document.activeElement === field &&
      places.length > 1 &&
      dialog.dataset.said === field.value
    ) {
      // Only if the results are for the current text; otherwise the form opens the search page.
      event.preventDefault();
      places[1].click();
    }
  });
  dialog.addEventListener("htmx:afterSwap", () => {
    dialog.dataset.said = field.value;
  });
})();
