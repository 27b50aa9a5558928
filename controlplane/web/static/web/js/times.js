// Relative times that update: <time datetime="…" data-relative>. The server uses the same words (see the tag `when`).
(() => {
  const UNITS = [
    [60, 1, "s"],
    [3600, 60, "min"],
    [172800, 3600, "h"],
    [Infinity, 86400, "days"],
  ];
  const relative = (moment) => {
    const seconds = Math.round((Date.now() - moment) / 1000);
    const size = Math.abs(seconds);
    if (size < 1) return "now";
    const [, unit, name] = UNITS.find(([limit]) => size < limit);
    const text = `${Math.floor(size / unit)} ${name}`;
    return seconds > 0 ? `${text} ago` : `in ${text}`;
  };
  const tick = () => {
    document.querySelectorAll("time[data-relative]").forEach((element) => {
      const text = relative(Date.parse(element.dateTime));
      if (element.textContent !== text) element.textContent = text;
    });
  };
  tick();
  setInterval(() => {
    if (!document.hidden) tick();
  }, 1000);
  document.addEventListener("visibilitychange", tick);
  document.addEventListener("htmx:afterSwap", tick);
})();
