// The upload with its progress. Without this script the browser submits the same form.
(() => {
  const form = document.querySelector("form[data-upload]");
  if (!form) return;
  const progress = document.getElementById("progress");
  const bar = progress.querySelector("progress");
  const says = document.getElementById("progress-says");
  const share = document.getElementById("progress-share");
  const refused = document.getElementById("refused");
  const button = form.querySelector("button");
  let running = null;

  const refuse = (title, text) => {
    const alert = document.createElement("div");
    alert.className = "alert alert-danger";
    alert.setAttribute("role", "alert");
    const heading = document.createElement("h2");
    heading.className = "alert-title";
    heading.textContent = title;
    const words = document.createElement("div");
    words.textContent = text;
    const inside = document.createElement("div");
    inside.className = "text-break";
    inside.append(heading, words);
    alert.append(inside);
    refused.replaceChildren(alert);
    ready();
  };

  const ready = () => {
    running = null;
    progress.hidden = true;
    button.disabled = false;
    refused.focus();
  };

  const answered = (request, name) => {
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const said = page.getElementById("refused");
    if (said?.childElementCount) {
      refused.replaceChildren(...said.childNodes);
      ready();
    } else if (request.status >= 400) {
      refuse(
        `${name} was rejected`,
        [...page.querySelectorAll("h2 ~ p")].map((part) => part.textContent.trim()).join(" ") ||
          "The server could not process the upload.",
      );
    } else {
      running = null;
      location.assign(request.responseURL);
    }
  };

  form.addEventListener("change", () => {
    refused.replaceChildren();
  });
  // Before forms.js, which treats every submit as leaving the page.
  window.addEventListener(
    "submit",
    (event) => {
      if (event.target !== form) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (running) return;
      const file = document.getElementById("file").files[0];
      if (!file) return;
      refused.replaceChildren();
      if (file.size > Number(form.dataset.most)) {
        refuse(
          `${file.name} was not uploaded`,
          `The file is larger than ${form.dataset.mostSays}. Upload a part of it, compress it with gzip, or increase RECORDING_MAX_MB.`,
        );
        return;
      }
      const request = new XMLHttpRequest();
      running = request;
      const began = performance.now();
      request.upload.addEventListener("progress", (moment) => {
        const part = moment.total ? moment.loaded / moment.total : 0;
        bar.value = part * 100;
        const left = part > 0.02 ? ((performance.now() - began) / 1000) * (1 / part - 1) : 0;
        says.textContent =
          left > 2
            ? `Uploading, about ${left < 90 ? `${Math.ceil(left)} s` : `${Math.ceil(left / 60)} min`} remaining`
            : "Uploading";
        share.textContent = `${Math.floor(part * 100)}%`;
      });
      request.upload.addEventListener("load", () => {
        bar.removeAttribute("value");
        share.textContent = "";
        says.textContent = "Uploaded. Inspecting the file";
      });
      request.addEventListener("load", () => answered(request, file.name));
      request.addEventListener("error", () =>
        refuse("Upload failed", "The connection was lost. Nothing was stored. Upload the file again."),
      );
      request.open("POST", location.href);
      progress.hidden = false;
      button.disabled = true;
      request.send(new FormData(form));
    },
    true,
  );

  window.addEventListener("beforeunload", (event) => {
    if (running) event.preventDefault();
  });
})();
