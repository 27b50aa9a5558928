// The live indicator of a page. The server ends each stream periodically and the browser reopens it at once: only a longer
// gap is shown. When the session has ended, the server sends an event, and the indicator offers to sign in.
(() => {
  const PATIENCE = 3000;
  const GIVEN_UP = 30000;
  const sources = new Map();
  let ended = false;
  const marks = () => document.querySelectorAll("[data-live]");
  const show = (state, word) =>
    marks().forEach((mark) => {
      mark.hidden = false;
      if (mark.dataset.live === state) return;
      mark.dataset.live = state;
      mark.querySelector("[data-live-word]").textContent = word;
    });
  const update = () => {
    if (ended || sources.size === 0) return;
    const lost = [...sources.values()].filter((since) => since !== null);
    const longest = lost.length ? Date.now() - Math.min(...lost) : 0;
    if (!navigator.onLine || longest > GIVEN_UP) show("offline", "offline");
    else if (longest > PATIENCE) show("reconnecting", "reconnecting");
    else if (lost.length === 0) show("live", "live");
  };
  const sessionEnded = (event) => {
    event.target.close();
    ended = true;
    show("ended", "Session ended.");
    marks().forEach((mark) => {
      const link = mark.querySelector("[data-live-sign-in]");
      link.href = `${link.pathname}?next=${encodeURIComponent(location.pathname + location.search)}`;
      link.hidden = false;
    });
  };
  document.addEventListener("htmx:sseOpen", (event) => {
    event.detail.source.addEventListener("session-ended", sessionEnded);
    sources.set(event.target, null);
    update();
  });
  document.addEventListener("htmx:sseError", (event) => {
    if (!sources.get(event.target)) sources.set(event.target, Date.now());
    update();
  });
  document.addEventListener("htmx:sseClose", (event) => {
    sources.delete(event.target);
    update();
  });
  window.addEventListener("online", update);
  window.addEventListener("offline", update);
  setInterval(update, 1000);
  for (const element of document.querySelectorAll("[sse-connect]")) sources.set(element, Date.now());

  // Live fragments are merged into the page, which keeps focus, selection and scroll positions. What people changed
  // stays as well: expanded details, and the field that has the focus.
  const { callbacks } = Idiomorph.defaults;
  callbacks.beforeAttributeUpdated = (name, element) => !(name === "open" && element.localName === "details");
  callbacks.beforeNodeMorphed = (node) => !(node === document.activeElement && node.matches("input, select, textarea"));
})();
