// The pages work without this. With it they stay current, a quote follows its dates, and focus goes where the news is.
import { fetched, lookAgain, watch } from "./live.js";

const SETTLE = 300;

function follow(form) {
  let timer = null;
  let asked = 0;
  const ask = async () => {
    const number = ++asked;
    const result = document.getElementById("result");
    const address = `/quote?${new URLSearchParams(new FormData(form))}`;
    result.setAttribute("aria-busy", "true");
    const page = new DOMParser().parseFromString(await (await fetched(address)).text(), "text/html");
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
} else if (document.body.dataset.every) {
  lookAgain();
}
document.querySelector("[data-focus]")?.focus();
