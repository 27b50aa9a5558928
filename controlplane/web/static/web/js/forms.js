// Forms: confirmation dialogs, progress in buttons, filters that apply automatically, and copy buttons. All forms also
// work without this script.
(() => {
  const dialog = document.getElementById("confirm");
  const ask = (form) => {
    const word = form.dataset.confirmType || "";
    const typed = document.getElementById("confirm-typed");
    const input = document.getElementById("confirm-word");
    const yes = document.getElementById("confirm-yes");
    document.getElementById("confirm-title").textContent =
      form.dataset.confirmTitle || `${form.dataset.confirmButton || "Continue"}?`;
    document.getElementById("confirm-text").textContent = form.dataset.confirm;
    yes.textContent = form.dataset.confirmButton || "Continue";
    typed.hidden = !word;
    typed.querySelector("strong").textContent = word;
    input.value = "";
    yes.disabled = Boolean(word);
    input.oninput = () => {
      yes.disabled = input.value !== word;
    };
    dialog.returnValue = "";
    dialog.showModal();
    (word ? input : document.getElementById("confirm-no")).focus();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    });
  };

  document.addEventListener(
    "submit",
    async (event) => {
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
      // Ignore a second press: the form has been sent.
      if (form.sent) {
        event.preventDefault();
        return;
      }
      form.sent = true;
      busy(submitter || form.querySelector("button:not([type=button])"));
    },
    true,
  );

  const busy = (button) => {
    if (!button) return;
    button.dataset.idle = button.innerHTML;
    // Not `disabled`: that would omit the button's own value from the request.
    button.setAttribute("aria-disabled", "true");
    button.classList.add("is-busy");
    const spinner = document.createElement("span");
    spinner.className = "spinner-border spinner-border-sm me-2";
    spinner.setAttribute("aria-hidden", "true");
    button.replaceChildren(
      spinner,
      document.createTextNode(button.dataset.busy || button.textContent.trim() || "Working"),
    );
  };

  // The back button restores a page in its state when it was left, with the form sent.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    document.querySelectorAll("form").forEach((form) => {
      form.sent = false;
    });
    document.querySelectorAll(".is-busy").forEach((button) => {
      button.innerHTML = button.dataset.idle;
      button.classList.remove("is-busy");
      button.removeAttribute("aria-disabled");
    });
  });

  // Filters omit empty fields from the URL.
  const emptyFields = (form) =>
    [...form.querySelectorAll("input, select")].filter((field) => field.name && field.value === "");
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-autosubmit]"))
      emptyFields(event.target).forEach((field) => {
        field.disabled = true;
      });
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-autosubmit]")) {
      for (const field of emptyFields(form)) field.disabled = false;
    }
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-autosubmit]");
    // A time changes with each typed part, so it is applied with Enter or the button.
    if (form && !["search", "datetime-local"].includes(event.target.type)) form.requestSubmit();
  });
  document.addEventListener("search", (event) => {
    // Enter submits the form by default; this handles the button that clears the field.
    const form = event.target.closest("form[data-autosubmit]");
    if (form && event.target.value === "") form.requestSubmit();
  });

  // Report input that was entered before the scripts ran, once all listeners are set up. A reloaded page, or one restored
  // by the back button, keeps its entries too: these are reported to forms that the server validates, but a filter is not
  // submitted again.
  const isChanged = (field) => {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName !== "SELECT") return field.type !== "file" && field.value !== field.defaultValue;
    const first = Math.max(
      [...field.options].findIndex((option) => option.defaultSelected),
      0,
    );
    return field.selectedIndex !== first;
  };
  document.addEventListener("DOMContentLoaded", () => {
    const isNew = performance.getEntriesByType("navigation")[0]?.type === "navigate";
    const forms = document.querySelectorAll(
      `form[data-editor], form[data-mapping], form:has([hx-trigger^=input])${isNew ? ", form[data-autosubmit]" : ""}`,
    );
    for (const form of forms) {
      for (const field of [...form.querySelectorAll("input, select, textarea")].filter(isChanged)) {
        for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
      }
    }
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const icon = button.querySelector("i");
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      if (icon) icon.className = "ti ti-check text-green";
    } catch {
      // No permission, or no https: select the text, so that it can be copied with the keyboard.
      const code = button.parentElement.querySelector("code");
      if (code) getSelection().selectAllChildren(code);
      if (icon) icon.className = "ti ti-x text-red";
    }
    if (icon)
      setTimeout(() => {
        icon.className = "ti ti-copy";
      }, 1500);
  });
})();
