// Keeps a page current: asks for the parts that have changed, or for the rows of a list that events name, and puts them in the
// place of the old ones without taking away focus, what was opened, or what somebody has written.
const SETTLE = 300;
const PAUSE = 1000;
const MOST_ROWS = 20;
const news = document.getElementById("news");

const stale = document.getElementById("stale");
let isForGood = false;

// What fails once may succeed the next time; a stream that is refused is refused for good.
export function goStale(forGood = false) {
  isForGood ||= forGood;
  stale.hidden = false;
}

export async function fetched(address, headers = {}) {
  const answer = await fetch(address, { headers, redirect: "error" });
  if (answer.status === 401 || answer.status >= 500) {
    throw new Error(`status ${answer.status}`);
  }
  return answer;
}

// At most one request of a page is under way; what is asked for meanwhile is asked for together, after it and a pause.
export function oneAtATime(work) {
  let timer = null;
  let isBusy = false;
  let isAsked = false;
  const run = async () => {
    timer = null;
    isBusy = true;
    isAsked = false;
    try {
      await work();
      stale.hidden = !isForGood;
    } catch {
      goStale();
    }
    isBusy = false;
    if (isAsked) {
      timer = setTimeout(run, PAUSE);
    }
  };
  return () => {
    isAsked = true;
    if (!isBusy && timer === null) {
      timer = setTimeout(run, SETTLE);
    }
  };
}

function say(text) {
  news.textContent = "";
  setTimeout(() => { news.textContent = text; }, 50);
}

// A page in place of what was asked for says that it is not to be seen any more.
async function json(address, headers = {}) {
  const answer = await fetched(address, headers);
  if (!answer.headers.get("content-type").startsWith("application/json")) {
    throw new Error(`status ${answer.status}`);
  }
  return answer.json();
}

function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}

function isInUse(form) {
  return form.dataset.touched === "yes" || form.querySelector(".refusal") !== null
    || (form.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, button"));
}

function isWrittenIn(element) {
  const forms = element.matches("form[data-action]") ? [element] : [...element.querySelectorAll("form[data-action]")];
  return forms.some(isInUse);
}

function isSame(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id ?? "") === (other.id ?? "");
}

// What a person did to an element stays: what is open, ticked or written is theirs.
const OF_PEOPLE = new Set(["open", "checked", "value", "disabled"]);

function setAttributes(old, fresh) {
  const isHidden = old.type === "hidden";
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !OF_PEOPLE.has(name)) {
      old.removeAttribute(name);
    }
  }
  for (const { name, value } of fresh.attributes) {
    const isTheirs = OF_PEOPLE.has(name) && !isHidden && !old.matches("progress, meter, option");
    if (!isTheirs && old.getAttribute(name) !== value) {
      old.setAttribute(name, value);
    }
  }
}

export function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) {
      old.data = fresh.data;
    }
    return;
  }
  if (old.matches("form[data-action]") && isWrittenIn(old)) {
    return;
  }
  setAttributes(old, fresh);
  let place = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const named = wanted.id ? [...old.children].find((one) => one.id === wanted.id) : null;
    if (named && named !== place) {
      old.insertBefore(named, place);
      place = named;
    }
    if (place !== null && isSame(place, wanted)) {
      const next = place.nextSibling;
      morph(place, wanted);
      place = next;
    } else {
      old.insertBefore(document.adoptNode(wanted), place);
    }
  }
  while (place !== null) {
    const next = place.nextSibling;
    if (!(place.nodeType === Node.ELEMENT_NODE && isWrittenIn(place))) {
      place.remove();
    }
    place = next;
  }
}

function titles(part) {
  return part ? [...part.querySelectorAll("summary")].map((one) => one.textContent).join() : "";
}

export async function refresh() {
  const had = [...document.querySelectorAll("[data-live]")];
  const header = had.map((one) => `${one.id}=${one.dataset.digest}`).join(" ");
  const address = location.pathname + location.search.replace(/[?&]done=[^&]*/, "");
  const { names, changed, every } = await json(address, { "offramp-parts": header });
  const parts = new Map(changed.map(element).map((one) => [one.id, one]));
  let isNews = parts.size > 0;
  for (const old of had.filter((one) => !names.includes(one.id))) {
    if (isWrittenIn(old)) {
      say("The case has changed; what you can do has, too.");
    } else {
      old.remove();
      isNews = true;
    }
  }
  let before = null;
  for (const name of names) {
    const old = document.getElementById(name);
    const fresh = parts.get(name);
    if (old === null && fresh && before) {
      before.after(fresh);
    } else if (old !== null && fresh) {
      const isOther = old.dataset.live === "form" && [...old.querySelectorAll("form")].some(isWrittenIn)
        && titles(old) !== titles(fresh);
      morph(old, fresh);
      if (isOther) {
        say("The case has changed; what you can do has, too.");
        isNews = false;
      }
    }
    before = document.getElementById(name) ?? before;
  }
  if (isNews) {
    say("This page was updated.");
  }
  document.body.dataset.every = every ?? "";
}

// The rows of a list: events say which cases have changed, and only these are asked for.
async function refreshRows(cases) {
  const body = document.querySelector("[data-rows]");
  if (body === null || cases.length > MOST_ROWS) {
    return refresh();
  }
  const asked = new URL(body.dataset.rows, location.href);
  cases.forEach((one) => asked.searchParams.append("case", one));
  const found = await json(asked.pathname + asked.search);
  let isNews = false;
  let isRefilled = false;
  for (const one of cases) {
    const old = document.getElementById(`row-${one}`);
    const fresh = one in found ? element(`<table>${found[one]}</table>`).rows[0] : null;
    if (old && fresh) {
      isNews ||= old.textContent !== fresh.textContent;
      morph(old, fresh);
    } else if (old) {
      old.remove();
      isNews = isRefilled = true;
    } else if (fresh && "first" in body.dataset) {
      const order = (row) => `${row.dataset.received} ${row.dataset.case}`;
      body.insertBefore(document.adoptNode(fresh), [...body.rows].find((row) => order(row) < order(fresh)) ?? null);
      isNews = true;
    }
  }
  if (isNews) {
    say("This list was updated.");
  }
  // What has left makes room for what is on the next page; what has come may begin one.
  const hasNext = document.querySelector("a[rel=next]") !== null;
  if ((isRefilled && (hasNext || body.rows.length === 0)) || body.rows.length > Number(body.dataset.most)) {
    await refresh();
  }
}

// One stream for each page that is looked at: a browser has few connections to one host.
export function watch(address) {
  let stream = null;
  const changed = new Set();
  let isWhole = false;
  const later = oneAtATime(async () => {
    const cases = [...changed];
    const all = isWhole;
    changed.clear();
    isWhole = false;
    await (all || document.querySelector("[data-rows]") === null ? refresh() : refreshRows(cases));
  });
  const open = () => {
    stream = new EventSource(address);
    stream.addEventListener("case", (event) => { changed.add(JSON.parse(event.data).cancellation); later(); });
    // The browser resumes a stream that was interrupted by itself, and not one that is refused: the session has ended.
    stream.addEventListener("error", () => { if (stream?.readyState === EventSource.CLOSED) { goStale(true); } });
    stream.addEventListener("ready", () => { document.body.dataset.watched = "yes"; });
  };
  const look = () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else if (stream === null) {
      open();
      isWhole = true;
      later();
    }
  };
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", () => stream?.close());
  if (!document.hidden) {
    open();
  }
}

// For what no event says: a look every few seconds while it goes on and somebody looks.
export function lookAgain() {
  const later = oneAtATime(refresh);
  const look = () => {
    if (!document.hidden && document.body.dataset.every) {
      later();
    }
    setTimeout(look, 1000 * (Number(document.body.dataset.every) || 5));
  };
  setTimeout(look, 1000 * Number(document.body.dataset.every));
}
