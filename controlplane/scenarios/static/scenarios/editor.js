// Live updates of the editor: the server answers each change with the whole page, and the differing parts are replaced.
// Nothing is decided here. Without this script the same form is submitted with its buttons.
(() => {
  const form = document.querySelector("form[data-editor]");
  if (!form) return;
  const text = document.getElementById("at-document");
  const trouble = document.getElementById("trouble");
  const AFTER_FIELD = 350;
  const AFTER_TEXT = 700;
  let timer = 0;
  let running = null;

  const say = (words) => {
    trouble.hidden = !words;
    trouble.textContent = words;
  };

  const names = (root) =>
    [...root.querySelectorAll("[name]")]
      .map((field) => `${field.tagName}${field.name}${field.tagName === "BUTTON" ? field.value : ""}`)
      .join("\n");

  const takeFields = (mine, theirs, whole) => {
    if (whole || names(mine) !== names(theirs)) {
      mine.replaceChildren(...theirs.childNodes);
      return;
    }
    const fresh = new Map([...theirs.querySelectorAll("[id][name]")].map((field) => [field.id, field]));
    mine.querySelectorAll("[id][name]").forEach((field) => {
      const other = fresh.get(field.id);
      if (!other || field.tagName === "BUTTON" || field.name.startsWith("new-")) return;
      field.classList.toggle("is-invalid", other.classList.contains("is-invalid"));
      if (other.hasAttribute("aria-invalid")) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
      if (field === document.activeElement) return;
      if (field.type === "checkbox") field.checked = other.checked;
      else if (field.value !== other.value) field.value = other.value;
    });
  };

  const take = (theirs, whole) => {
    const opened = new Map([...form.querySelectorAll("details[id]")].map((details) => [details.id, details.open]));
    const focused = document.activeElement?.id;
    takeFields(form.querySelector("#fields"), theirs.querySelector("#fields"), whole);
    theirs.querySelectorAll("[data-part]").forEach((part) => {
      const mine = document.getElementById(part.id);
      if (mine && mine.innerHTML !== part.innerHTML) mine.replaceChildren(...part.childNodes);
    });
    const said = theirs.querySelector("#at-document");
    text.classList.toggle("is-invalid", said.classList.contains("is-invalid"));
    if (text !== document.activeElement && text.value !== said.value) text.value = said.value;
    document.getElementById("base").value = theirs.querySelector("#base").value;
    form.querySelectorAll("details[id]").forEach((details) => {
      if (opened.has(details.id)) details.open = opened.get(details.id);
    });
    // Errors are never hidden in closed sections.
    form.querySelectorAll("#fields .is-invalid, #fields .said").forEach((wrong) => {
      wrong.closest("details")?.setAttribute("open", "");
    });
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  };

  const refresh = async (act, whole) => {
    clearTimeout(timer);
    running?.abort();
    const mine = new AbortController();
    running = mine;
    const body = new URLSearchParams(new FormData(form));
    body.set("act", act);
    form.classList.add("is-waiting");
    try {
      const answer = await fetch(location.href, { method: "POST", body, signal: mine.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const theirs = page.getElementById("editor");
      if (theirs) {
        say("");
        take(theirs, whole);
      } else if (answer.redirected) {
        say("You are signed out. Sign in in another tab, then continue here.");
      } else {
        say(
          `${page.querySelector("h2")?.textContent || "The server could not process the request"}. ${page.querySelector("h2 + p")?.textContent || ""}`,
        );
      }
    } catch (error) {
      if (error.name !== "AbortError") say("The server is unreachable. Your edits are still on this page.");
    } finally {
      if (running === mine) form.classList.remove("is-waiting");
    }
  };

  const later = (wait, whole) => {
    running?.abort();
    clearTimeout(timer);
    timer = setTimeout(() => refresh("check", whole), wait);
  };
  form.addEventListener("input", (event) => {
    if (event.target.name.startsWith("new-")) return;
    later(event.target === text ? AFTER_TEXT : AFTER_FIELD, event.target === text);
  });

  const focusAfter = (act) => {
    const [verb, path] = act.split(/:(.*)/);
    const slot = (place) =>
      `at-${place
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-|-$/g, "")}`;
    if (verb === "add") {
      const list = form.querySelector(`[data-list="${path}"]`);
      const place = list?.lastElementChild || document.getElementById(slot(path));
      place?.querySelector("input, select")?.focus();
    } else if (verb === "remove") {
      form.querySelector(`button[value="add:${path.replace(/\[\d+\]$/, "")}"]`)?.focus();
    } else if (verb === "up" || verb === "down") {
      const moved = path.replace(/\[(\d+)\]$/, (_, number) => `[${Number(number) + (verb === "up" ? -1 : 1)}]`);
      const button = document.getElementById(`${slot(moved)}-${verb}`);
      (button?.disabled ? document.getElementById(slot(moved)) : button)?.focus();
    }
  };
  // Before forms.js, which treats every submit as leaving the page.
  window.addEventListener(
    "submit",
    async (event) => {
      const act = event.submitter?.name === "act" ? event.submitter.value : "check";
      if (event.target !== form || act.startsWith("save")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      await refresh(act, act !== "check");
      focusAfter(act);
    },
    true,
  );

  // A link to an error opens its section and, for the document, activates the YAML tab.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#mend a[href^='#at-']");
    if (!link) return;
    event.preventDefault();
    const place = document.getElementById(link.hash.slice(1));
    if (!place) return;
    if (place === text) document.getElementById("document-tab").click();
    place.closest("details")?.setAttribute("open", "");
    place.scrollIntoView({ block: "center" });
    (place.matches("input, select, textarea") ? place : place.querySelector("input, select") || place).focus({
      preventScroll: true,
    });
  });
  form.querySelectorAll("#fields .is-invalid, #fields .said").forEach((wrong) => {
    wrong.closest("details")?.setAttribute("open", "");
  });
})();
