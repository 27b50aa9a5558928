// Signing out clears all other open pages of the application in this browser, even while the server is unreachable.
(() => {
  const channel = new BroadcastChannel("session");
  channel.addEventListener("message", (event) => {
    if (event.data !== "signing-out") return;
    const link = document.createElement("a");
    link.href = "/sign-in/";
    link.textContent = "You have signed out. Sign in";
    document.body.replaceChildren(link);
    document.title = "Signed out";
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-signs-out]")) channel.postMessage("signing-out");
  });
})();
