// Warns before a session that nobody uses ends, and leaves the page when it has: people on it must not stay on a screen.
(() => {
  const dialog = document.getElementById("idle");
  if (!dialog) return;
  const AGAIN_MS = 15000;
  let timer;
  const later = (ms) => { clearTimeout(timer); timer = setTimeout(() => look("left"), ms); };
  const look = async (path) => {
    let answer;
    try {
      answer = await fetch(`/session/${path}`, { headers: { "HX-Request": "true" }, cache: "no-store" });
    } catch {
      return later(AGAIN_MS); // the server is away: it says whether the session has ended when it is back
    }
    if (answer.status === 401) return location.replace("/sign-in");
    if (!answer.ok) return later(AGAIN_MS);
    const { seconds, warn } = await answer.json();
    if (seconds > warn) {
      if (dialog.open) dialog.close();
      return later((seconds - warn) * 1000 + 500);
    }
    const minutes = Math.ceil(seconds / 60);
    dialog.querySelector("[data-left]").textContent = minutes > 1 ? `${minutes} minutes` : "a minute";
    if (!dialog.open) dialog.showModal();
    later(Math.min(AGAIN_MS, seconds * 1000 + 500));
  };
  dialog.addEventListener("close", () => look("stay"));
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look("left"));
  look("left");
})();
