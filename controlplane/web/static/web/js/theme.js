// Runs before the first paint, so that no page flashes in the wrong theme. A stored choice overrides the system's.
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const choice = () => localStorage.getItem("theme") || "auto";
  const apply = () => {
    const theme = choice() === "auto" ? (dark.matches ? "dark" : "light") : choice();
    root.setAttribute("data-bs-theme", theme);
    document.dispatchEvent(new CustomEvent("theme", { detail: theme }));
  };
  const NAMES = { auto: "system", light: "light", dark: "dark" };
  const ICONS = { auto: "device-desktop", light: "sun", dark: "moon" };
  const label = (button) => {
    const text = `Theme: ${NAMES[choice()]}`;
    button.setAttribute("aria-label", text);
    button.title = text;
    button.querySelector("i").className = `ti ti-${ICONS[choice()]}`;
  };
  root.classList.add("has-script");
  apply();
  dark.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-theme-switch]").forEach((button) => {
      label(button);
      button.addEventListener("click", () => {
        const order = ["auto", "light", "dark"];
        const next = order[(order.indexOf(choice()) + 1) % order.length];
        if (next === "auto") localStorage.removeItem("theme");
        else localStorage.setItem("theme", next);
        apply();
        label(button);
      });
    });
  });
})();
