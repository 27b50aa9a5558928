// Column mapping: the server answers each change with the page, whose preview is shown at once. Without this script the
// same form is submitted with its button.
(() => {
  const form = document.querySelector("form[data-mapping]");
  if (!form) return;
  const trouble = document.getElementById("trouble");
  let running = null;

  const names = (part) => [...part.querySelectorAll("[name]")].map((field) => field.name).join("\n");

  const take = (page) => {
    document.getElementById("begins").replaceChildren(...page.getElementById("begins").childNodes);
    const mine = document.getElementById("words");
    const theirs = page.getElementById("words");
    // Unchanged fields are kept: a selection may be open.
    if (names(mine) !== names(theirs)) mine.replaceChildren(...theirs.childNodes);
  };

  form.addEventListener("change", async () => {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    const body = new URLSearchParams(new FormData(form));
    body.set("act", "check");
    try {
      const answer = await fetch(form.action, { method: "POST", body, signal: mine.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!page.getElementById("begins")) throw new Error("no such page");
      trouble.hidden = true;
      take(page);
    } catch (error) {
      if (error.name === "AbortError") return;
      trouble.textContent = "The server sent no valid response, so the preview may be outdated. Reload the page.";
      trouble.hidden = false;
    }
  });
})();
