// What makes the staff pages quicker. Every page works without it.
"use strict";

(() => {
  // Read a pasted text while it is being typed, by asking for the part of the page that "Read the text" would show.
  const form = document.getElementById("reporting");
  if (form) {
    const reading = document.getElementById("reading");
    const text = form.elements.text;
    let touched = false; // the person has chosen: what they chose is kept
    let timer, asked;

    const read = async () => {
      asked?.abort();
      asked = new AbortController();
      const sent = new URLSearchParams(new FormData(form));
      if (!touched) for (const name of ["guessed", "roles", "brand", "category", "arrived", "red_flags"]) sent.delete(name);
      reading.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(form.dataset.reading, {
          method: "POST", body: sent, headers: { "Linewarden-Part": "reading" }, signal: asked.signal, redirect: "error",
        });
        if (!answer.ok) throw new Error(answer.statusText);
        // The server has escaped it: a reported text is text here as well.
        const part = new DOMParser().parseFromString(await answer.text(), "text/html");
        const open = reading.querySelector("details")?.open;
        reading.replaceChildren(...part.body.childNodes);
        const details = reading.querySelector("details");
        if (details && open) details.open = true;
      } catch (fault) {
        if (fault.name === "AbortError") return; // a newer text is being read
      }
      reading.setAttribute("aria-busy", "false");
    };
    const soon = (wait) => { clearTimeout(timer); timer = setTimeout(read, wait); };
    text.addEventListener("input", (e) => soon(e.inputType === "insertFromPaste" ? 0 : 350));
    form.elements.region.addEventListener("change", () => soon(0));
    reading.addEventListener("change", () => { touched = true; });
  }

  // Once is enough: a form that is being sent does not send again.
  document.addEventListener("submit", (e) => {
    if (e.target.method !== "post") return;
    if (e.target.dataset.sent) e.preventDefault();
    e.target.dataset.sent = "1";
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((f) => delete f.dataset.sent));

  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.classList.add("main");
    });
  }

  // Keyboard shortcuts, where nobody is typing: /keys lists them.
  let going = false;
  document.addEventListener("keydown", (e) => {
    const typing = e.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select");
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && e.target.form?.method === "post") {
      e.target.form.requestSubmit(e.target.form.querySelector("button.main"));
      return;
    }
    if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
    const wasGoing = going;
    going = false;
    const there = wasGoing && document.querySelector(`a[data-go="${CSS.escape(e.key)}"]`);
    if (there) {
      there.click();
    } else if (e.key === "g") {
      going = true;
    } else if (e.key === "?") {
      document.querySelector('a[aria-keyshortcuts="?"]')?.click();
    } else if (e.key === "/") {
      const find = document.getElementById("find");
      if (!find) return;
      e.preventDefault();
      find.focus();
    }
  });
})();
