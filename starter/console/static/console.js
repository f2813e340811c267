// The pages work without this. With it they stay current, a quote follows its dates, and focus goes where the news is.
const news = document.getElementById("news");
const SETTLE = 300;

async function fetched(address) {
  const answer = await fetch(address, { headers: { accept: "text/html" }, redirect: "error" });
  if (answer.status === 401 || answer.status >= 500) {
    throw new Error(`status ${answer.status}`);
  }
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

function goStale() {
  document.getElementById("stale").hidden = false;
}

function isInUse(part) {
  return part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, button")
    || [...part.querySelectorAll("form[data-action]")].some((form) => form.dataset.touched);
}

function replace(part, fresh) {
  const open = new Set([...part.querySelectorAll("details[open] > summary")].map((one) => one.textContent));
  const had = part.contains(document.activeElement) ? document.activeElement.textContent : null;
  for (const details of fresh.querySelectorAll("details")) {
    const summary = details.querySelector(":scope > summary");
    details.open = details.open || (summary !== null && open.has(summary.textContent));
  }
  part.replaceWith(document.adoptNode(fresh));
  if (had) {
    [...fresh.querySelectorAll("a, summary")].find((one) => one.textContent === had)?.focus();
  }
}

async function refresh() {
  const page = await fetched(location.pathname + location.search.replace(/[?&]done=[^&]*/, ""));
  let changed = false;
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (part.dataset.live === "form" && isInUse(part)) {
      if (fresh === null || titles(fresh) !== titles(part)) {
        news.textContent = "The case has changed; what you can do has, too.";
      }
      continue;
    }
    if (fresh === null) {
      part.remove();
    } else if (part.textContent.trim() !== fresh.textContent.trim()) {
      replace(part, fresh);
      changed = true;
    }
  }
  if (page.getElementById("actions") && !document.getElementById("actions") && document.getElementById("now")) {
    document.getElementById("now").after(document.adoptNode(page.getElementById("actions")));
    changed = true;
  }
  if (changed) {
    news.textContent = "";
    setTimeout(() => { news.textContent = "This page was updated."; }, 50);
  }
}

function titles(part) {
  return [...part.querySelectorAll("summary")].map((one) => one.textContent).join();
}

// One stream for each page that is looked at: a browser has few connections to one host.
function watch(address) {
  let stream = null;
  let timer = null;
  const later = () => { clearTimeout(timer); timer = setTimeout(() => refresh().catch(goStale), SETTLE); };
  const open = () => {
    stream = new EventSource(address);
    stream.addEventListener("case", later);
    // The browser resumes a stream that was interrupted by itself, and not one that is refused: the session has ended.
    stream.addEventListener("error", () => { if (stream?.readyState === EventSource.CLOSED) { goStale(); } });
    stream.addEventListener("ready", () => { document.body.dataset.watched = "yes"; });
  };
  const look = () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else if (stream === null) {
      open();
      later();
    }
  };
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", () => stream?.close());
  if (!document.hidden) {
    open();
  }
}

function follow(form) {
  let timer = null;
  let asked = 0;
  const ask = async () => {
    const number = ++asked;
    const result = document.getElementById("result");
    const address = `/quote?${new URLSearchParams(new FormData(form))}`;
    result.setAttribute("aria-busy", "true");
    const page = await fetched(address);
    if (number === asked) {
      result.replaceChildren(...document.adoptNode(page.getElementById("result")).childNodes);
      result.setAttribute("aria-busy", "false");
      history.replaceState(null, "", address);
    }
  };
  const later = () => { clearTimeout(timer); timer = setTimeout(() => ask().catch(() => form.submit()), SETTLE); };
  form.addEventListener("input", later);
  form.addEventListener("submit", (event) => { event.preventDefault(); later(); });
}

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-action]");
  if (form) {
    form.dataset.touched = "yes";
  }
});
// A second click sends the same key again, and is the same request; it need not be sent at all.
document.addEventListener("submit", (event) => {
  if (event.target.matches("form[data-action]")) {
    setTimeout(() => { for (const button of event.target.querySelectorAll("button")) { button.disabled = true; } });
  }
});
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});

// After a refusal: loading the page again shows the case, and does not send the form once more.
if (location.pathname.startsWith("/actions/") && document.body.dataset.back) {
  history.replaceState(null, "", document.body.dataset.back);
}
document.querySelectorAll("form[data-quote]").forEach(follow);
if (document.body.dataset.events) {
  watch(document.body.dataset.events);
}
document.querySelector("[data-focus]")?.focus();
