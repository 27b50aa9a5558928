// The search of every page: / opens it, arrows choose, Enter follows. What it finds is asked for by htmx.
(() => {
  const dialog = document.getElementById("search");
  if (!dialog) return;
  const field = dialog.querySelector("input");
  document.querySelectorAll("[data-search-open]").forEach((link) => link.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.showModal();
    field.select();
  }));
  dialog.addEventListener("keydown", (event) => {
    const places = [field, ...dialog.querySelectorAll(".hit")];
    const here = places.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && here >= 0) {
      event.preventDefault();
      places[(here + step + places.length) % places.length].focus();
    } else if (event.key === "Enter" && document.activeElement === field && places.length > 1 && dialog.dataset.said === field.value) {
      // Only what was found for the text as it stands now; else the form goes to the page of the search.
      event.preventDefault();
      places[1].click();
    }
  });
  dialog.addEventListener("htmx:afterSwap", () => { dialog.dataset.said = field.value; });
})();
