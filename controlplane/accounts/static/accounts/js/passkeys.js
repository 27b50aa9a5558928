// Passkeys: the browser's part. A form with `data-passkey` (`get` or `create`) fetches from `data-options` what to ask the
// authenticator, and is sent with the answer in its field `credential`.
(() => {
  const said = {
    NotAllowedError: "The passkey request was cancelled or timed out.",
    InvalidStateError: "This device or security key already has a passkey for your account.",
    NotSupportedError: "This device does not support passkeys with fingerprint, face or PIN verification.",
    SecurityError: "Passkeys are not supported at this address.",
  };

  const options = async (form) => {
    const response = await fetch(form.dataset.options, {
      method: "POST",
      headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value, Accept: "application/json" },
    });
    const body = response.headers.get("Content-Type")?.includes("json") ? await response.json() : {};
    if (response.ok && body.challenge) return body;
    throw new Error(
      body.error ? `${body.error.message} ${body.error.remedy}` : "The server did not respond. Reload the page.",
    );
  };

  const credential = async (form) => {
    const asked = await options(form);
    if (form.dataset.passkey === "create") {
      return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) });
    }
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
  };

  const ceremony = async (form, button) => {
    const field = form.elements.credential;
    const error = form.querySelector("[data-passkey-error]");
    error.textContent = "";
    button.setAttribute("aria-disabled", "true");
    try {
      if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON)
        throw new Error("This browser does not support passkeys.");
      field.value = JSON.stringify(await credential(form));
    } catch (failed) {
      error.textContent = said[failed.name] || failed.message;
      return;
    } finally {
      button.removeAttribute("aria-disabled");
    }
    form.requestSubmit(button);
  };

  // Before forms.js, which takes the form for one that is on its way.
  window.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!form.dataset.passkey || form.elements.credential.value) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const button = event.submitter || form.querySelector("button");
      if (button.getAttribute("aria-disabled") !== "true") ceremony(form, button);
    },
    true,
  );

  // The back button brings a form back with an answer that was used.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-passkey]").forEach((form) => {
      form.elements.credential.value = "";
    });
  });
})();
