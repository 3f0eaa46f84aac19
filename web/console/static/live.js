// What runs is live while its tab is seen: by a stream of the server, or else by asking every few seconds.
// Browsers open six connections to a host, so all tabs of a browser together hold STREAMS streams, by the locks that
// they share; a lock is free again when its tab closes, hides or dies. All other tabs ask.
(() => {
  const STREAMS = 3;
  const ASK_MS = 4000;
  let source = null;
  let release = null;
  let opening = false;
  let held = null;

  const part = () => document.getElementById("live");
  const address = () => part()?.dataset.live;
  const isSeen = () => document.visibilityState === "visible";

  // How it stands is told to who cannot see it, whenever that changes; a bar that grows is not.
  const stand = () => part()?.querySelector("[data-tell]")?.textContent.trim();
  let told = stand();
  const tell = () => {
    if (stand() === told) return;
    told = stand();
    document.getElementById("told").textContent = told ?? "";
    follow();
  };

  // What else depends on how it stands (deeds, people, the answer) depends on who looks, too: the page is asked for anew.
  // Anyone who is at work in it, or sees identifiers, is only told, and goes on.
  const main = () => document.getElementById("main");
  const isAtWork = () => main().contains(document.activeElement) && document.activeElement !== main();
  const follow = async () => {
    const whole = part()?.dataset.whole;
    if (!whole) return;
    const changed = document.getElementById("changed");
    if (isAtWork() || main().querySelector("details[open] .deed, [data-unmasked]")) return void (changed.hidden = false);
    try {
      const answer = await fetch(`${whole}/whole${location.search}`, { cache: "no-store" });
      if (answer.status === 401) return location.replace("/sign-in");
      if (!answer.ok || isAtWork()) return void (changed.hidden = false);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      main().replaceWith(document.adoptNode(page.getElementById("main")));
      window.htmx?.process(main());
      told = stand();
      document.getElementById("told").textContent = told ?? "";
      document.dispatchEvent(new Event("live-shown"));
    } catch {
      changed.hidden = false;
    }
  };

  const show = (html) => {
    const live = part();
    // What has the focus is not replaced: people who work by keyboard would lose their place.
    if (!live || live.contains(document.activeElement)) return void (held = html);
    held = null;
    const kept = live.querySelector("[data-kept]"); // a chart renews itself, and more slowly
    live.outerHTML = html;
    if (kept) part()?.querySelector("[data-place]")?.replaceChildren(kept);
    tell();
    document.dispatchEvent(new Event("live-shown"));
  };
  document.addEventListener("focusout", () => setTimeout(() => held !== null && show(held)));

  const take = async () => {
    for (let n = 0; navigator.locks && n < STREAMS; n += 1) {
      const free = await new Promise((got) => {
        const hold = (lock) => lock && new Promise((letGo) => got(letGo));
        navigator.locks
          .request(`consent-stream-${n}`, { ifAvailable: true }, (lock) => (lock ? hold(lock) : got(null)))
          .catch(() => got(null));
      });
      if (free) return free;
    }
    return null;
  };

  const close = () => {
    source?.close();
    release?.();
    source = release = null;
  };

  const ask = async () => {
    if (!address()) return;
    try {
      const answer = await fetch(`${address()}/live`, { headers: { "HX-Request": "true" }, cache: "no-store" });
      if (answer.status === 401) return location.replace("/sign-in");
      if (answer.ok) show(await answer.text());
    } catch {
      // The server is away. What was shown stays until it is back.
    }
  };

  const look = async () => {
    if (opening || source || !address() || !isSeen()) return;
    opening = true;
    release = await take();
    opening = false;
    if (!release) return ask();
    if (!isSeen()) return close();
    source = new EventSource(`${address()}/stream`);
    source.addEventListener("live", (event) => show(event.data));
    source.addEventListener("over", () => { close(); ask(); });
    source.addEventListener("error", () => source?.readyState === EventSource.CLOSED && (close(), ask()));
  };

  document.addEventListener("visibilitychange", () => (isSeen() ? look() : close()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", look);
  setInterval(look, ASK_MS);
  look();
})();
