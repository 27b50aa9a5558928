// Forms: a question before what loses something, a button that turns into its progress, filters that apply by themselves,
// and buttons that copy. Each of these forms also works when this never loads.
(() => {
  const dialog = document.getElementById("confirm");
  const ask = (form) => {
    const word = form.dataset.confirmType || "";
    const typed = document.getElementById("confirm-typed");
    const input = document.getElementById("confirm-word");
    const yes = document.getElementById("confirm-yes");
    document.getElementById("confirm-title").textContent = form.dataset.confirmTitle || "Are you sure?";
    document.getElementById("confirm-text").textContent = form.dataset.confirm;
    yes.textContent = form.dataset.confirmButton || "Go on";
    typed.hidden = !word;
    typed.querySelector("strong").textContent = word;
    input.value = "";
    yes.disabled = Boolean(word);
    input.oninput = () => { yes.disabled = input.value !== word; };
    dialog.returnValue = "";
    dialog.showModal();
    (word ? input : document.getElementById("confirm-no")).focus();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    });
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const submitter = event.submitter;
    if (form.method === "dialog") return;
    const question = submitter?.dataset.confirm ? submitter : form;
    if (question.dataset.confirm && dialog && !form.confirmed) {
      event.preventDefault();
      event.stopPropagation();
      if (await ask(question)) {
        form.confirmed = true;
        form.requestSubmit(submitter);
      }
      return;
    }
    form.confirmed = false;
    if (form.method !== "post") return;
    // A second press is answered by the first: the form is on its way.
    if (form.sent) {
      event.preventDefault();
      return;
    }
    form.sent = true;
    busy(submitter || form.querySelector("button:not([type=button])"));
  }, true);

  const busy = (button) => {
    if (!button) return;
    button.dataset.idle = button.innerHTML;
    // Not `disabled`: that would leave the button's own value out of what is sent.
    button.setAttribute("aria-disabled", "true");
    button.classList.add("is-busy");
    const spinner = document.createElement("span");
    spinner.className = "spinner-border spinner-border-sm me-2";
    spinner.setAttribute("aria-hidden", "true");
    button.replaceChildren(spinner, document.createTextNode(button.dataset.busy || button.textContent.trim() || "Working"));
  };

  // The back button brings a page as it was left: on its way.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    document.querySelectorAll("form").forEach((form) => { form.sent = false; });
    document.querySelectorAll(".is-busy").forEach((button) => {
      button.innerHTML = button.dataset.idle;
      button.classList.remove("is-busy");
      button.removeAttribute("aria-disabled");
    });
  });

  // A filter leaves its empty fields out of the address.
  const emptyFields = (form) => [...form.querySelectorAll("input, select")].filter((field) => field.name && field.value === "");
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-autosubmit]")) emptyFields(event.target).forEach((field) => { field.disabled = true; });
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-autosubmit]").forEach((form) => emptyFields(form).forEach((field) => { field.disabled = false; }));
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-autosubmit]");
    // A moment changes with each of its parts that is typed: Enter or the button says when it is whole.
    if (form && !["search", "datetime-local"].includes(event.target.type)) form.requestSubmit();
  });
  document.addEventListener("search", (event) => {
    // Enter sends the form by itself; this is the cross that empties the field.
    const form = event.target.closest("form[data-autosubmit]");
    if (form && event.target.value === "") form.requestSubmit();
  });

  // What was entered before the scripts ran is reported to them once they all listen. A page that was reloaded or gone
  // back to keeps its entries too: forms that the server checks are told of them, a filter is not sent again.
  const isChanged = (field) => {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName !== "SELECT") return field.type !== "file" && field.value !== field.defaultValue;
    const first = Math.max([...field.options].findIndex((option) => option.defaultSelected), 0);
    return field.selectedIndex !== first;
  };
  document.addEventListener("DOMContentLoaded", () => {
    const isNew = performance.getEntriesByType("navigation")[0]?.type === "navigate";
    const forms = document.querySelectorAll(`form[data-editor], form[data-mapping], form:has([hx-trigger^=input])${isNew ? ", form[data-autosubmit]" : ""}`);
    forms.forEach((form) => {
      [...form.querySelectorAll("input, select, textarea")].filter(isChanged).forEach((field) => {
        ["input", "change"].forEach((kind) => field.dispatchEvent(new Event(kind, { bubbles: true })));
      });
    });
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const icon = button.querySelector("i");
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      if (icon) icon.className = "ti ti-check text-green";
    } catch {
      // No permission, or no https away from this machine: select it, so that a key copies it.
      const code = button.parentElement.querySelector("code");
      if (code) getSelection().selectAllChildren(code);
      if (icon) icon.className = "ti ti-x text-red";
    }
    if (icon) setTimeout(() => { icon.className = "ti ti-copy"; }, 1500);
  });
})();
