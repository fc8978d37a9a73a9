// The preview page: the live picture, the figures, and the choice of the lens.

const byId = (id) => document.getElementById(id);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const canvas = byId("picture");
const context = canvas.getContext("2d", { alpha: false });
const viewer = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");

let ended = false; // our session is over: nothing more is asked
let lenses = [];
let active = null; // the lens that is on
let wanted = null; // the lens that was asked for and is not on yet
let refused = null; // the lens that was asked for last and could not be had: the next step goes on from it
let looking = new AbortController();

// ---- Words -------------------------------------------------------------------------------------------------------

function say(text) {
  byId("message").hidden = !text;
  byId("message-text").replaceChildren(...spoken(text));
}

// Commands in hints are set as what is to be typed.
const COMMAND = /(lensd (?:run|status|lenses|switch NAME|switch|pause|resume|stop|devices|preview|doctor)\b)/;

function spoken(text) {
  return text.split(COMMAND).map((part, at) => {
    if (at % 2 === 0) return part;
    const code = document.createElement("code");
    code.textContent = part;
    return code;
  });
}

function veil(text) {
  byId("veil").hidden = !text;
  byId("veil").replaceChildren(...spoken(text));
}

function setState(mark, text) {
  const state = byId("state");
  if (byId("state-text").textContent === text && state.dataset.mark === mark) return; // or it is read out every second
  state.dataset.mark = mark;
  state.title = text; // where the line is too short for it
  byId("state-text").textContent = text;
}

function end() {
  ended = true;
  looking.abort();
  setState("bad", "Ended");
  veil("This page has ended. For a fresh address type lensd preview");
}

function unreachable() {
  setState("wait", "No answer…");
  veil("The preview does not answer. If it does not come back, see lensd status");
}

// Answers with JSON, or throws what went wrong as a sentence.
async function ask(address, options = {}) {
  const response = await fetch(address, options);
  const type = response.headers.get("Content-Type") ?? "";
  if (response.status === 403 && type.startsWith("text/html")) {
    end();
    throw new Error("This page has ended. For a fresh address: lensd preview");
  }
  const answer = await response.json();
  if (response.ok) return answer;
  const { what, why, hint } = answer.error;
  throw new Error(`${sentence(`${what}: ${why}`)} ${sentence(hint.replace(/^lensd /, "type lensd "))}`.trim());
}

// No full stop after a command: it would be typed too.
function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return !whole || /[.?!…]$/.test(whole) || COMMAND.test(whole) ? whole : `${whole}.`;
}

// ---- The live picture ----------------------------------------------------------------------------------------------

const shown = () =>
  new Promise((resolve) => {
    if (!document.hidden) resolve();
    else document.addEventListener("visibilitychange", () => resolve(shown()), { once: true });
  });

// The next picture is asked for when the last is drawn: however slow we are, what we show is the newest.
async function watch() {
  let number = 0;
  while (!ended) {
    await shown();
    try {
      const response = await fetch(`/picture?viewer=${viewer}&after=${number}`, { signal: looking.signal });
      if (response.status === 403) return end();
      if (response.status === 200) {
        number = Number(response.headers.get("X-Picture-Number"));
        draw(await createImageBitmap(await response.blob()));
        veil("");
      } else if (response.status !== 204) {
        say((await response.json()).error.why);
        await pause(2000);
      }
    } catch (error) {
      if (error.name === "AbortError") continue; // hidden meanwhile
      number = 0; // another process counts from one again
      unreachable();
      await pause(1000);
    }
  }
}

function draw(bitmap) {
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
  }
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) looking.abort();
  else looking = new AbortController();
});

// ---- The figures ---------------------------------------------------------------------------------------------------

async function follow() {
  while (!ended) {
    await shown();
    try {
      const status = await ask("/status");
      setState(status.mark, status.why ? `${status.state}: ${status.why}` : status.state);
      showFigures(status.figures);
      showPause(status.paused);
      if (status.lens !== active) {
        active = status.lens;
        if (!lenses.some((lens) => lens.name === active)) await listLenses();
        reveal(active);
        markLenses();
      }
    } catch (error) {
      if (!ended) setState("wait", "No answer…");
    }
    await pause(1000);
  }
}

function showFigures(figures) {
  const list = byId("figures");
  figures.forEach(([term, value, detail], at) => {
    const entry = list.children[at] ?? list.appendChild(newFigure());
    [term, value, detail].forEach((text, part) => {
      const element = entry.children[part];
      if (element.textContent !== text) element.textContent = text;
    });
  });
}

function newFigure() {
  const entry = document.createElement("div");
  for (const [tag, name] of [["dt", ""], ["dd", "value"], ["dd", "detail"]]) {
    entry.appendChild(document.createElement(tag)).className = name;
  }
  return entry;
}

// ---- The pause ----------------------------------------------------------------------------------------------------

function showPause(paused) {
  const button = byId("pause");
  const text = paused ? "Resume" : "Pause";
  if (button.textContent === text) return;
  button.textContent = text;
  button.setAttribute("aria-pressed", String(paused));
  button.title = paused ? "Open the webcam again" : "Close the webcam; programs see a card";
}

byId("pause").addEventListener("click", async () => {
  const paused = byId("pause").getAttribute("aria-pressed") !== "true";
  try {
    await ask("/pause", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ paused }),
    });
    say("");
    showPause(paused);
  } catch (error) {
    if (!ended) say(error instanceof TypeError ? "The preview does not answer." : error.message);
  }
});

// ---- The lenses ----------------------------------------------------------------------------------------------------

async function listLenses() {
  lenses = await ask("/lenses");
  byId("lenses").replaceChildren(...lenses.map(newLens));
  markLenses();
  reveal(active);
}

function newLens(lens) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = `lens ${lens.kind === "none" ? "none" : ""}`;
  button.setAttribute("role", "radio");
  button.dataset.name = lens.name;
  button.title = lens.title;
  const face = button.appendChild(document.createElement("span"));
  face.className = "face";
  if (lens.preview) {
    const picture = face.appendChild(document.createElement("img"));
    picture.alt = "";
    picture.loading = "lazy";
    picture.src = `/lenses/${encodeURIComponent(lens.name)}/preview`;
    picture.addEventListener("error", () => face.replaceChildren(lens.title.slice(0, 1)));
  } else if (lens.kind !== "none") {
    face.textContent = lens.title.slice(0, 1);
  }
  const title = button.appendChild(document.createElement("span"));
  title.className = "title";
  title.textContent = lens.title;
  button.addEventListener("click", () => choose(lens.name));
  return button;
}

function markLenses() {
  const tabStop = wanted ?? active ?? lenses[0]?.name;
  for (const button of byId("lenses").children) {
    const name = button.dataset.name;
    button.setAttribute("aria-checked", String(name === active));
    button.setAttribute("aria-busy", String(name === wanted));
    button.tabIndex = name === tabStop ? 0 : -1;
  }
  const lens = lenses.find(({ name }) => name === active);
  document.title = lens && lens.kind !== "none" ? `${lens.title} – SnapLens Camera` : "SnapLens Camera";
}

// Scrolls the list and never the page, so that the picture stays where it is.
function reveal(name) {
  const list = byId("lenses");
  const button = [...list.children].find(({ dataset }) => dataset.name === name);
  if (!button || list.scrollHeight <= list.clientHeight) return;
  const top = button.offsetTop - 4;
  const bottom = button.offsetTop + button.offsetHeight + 4;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
}

async function choose(name) {
  if (ended || name === wanted) return;
  wanted = name;
  refused = null;
  say("");
  markLenses();
  reveal(name);
  try {
    const answer = await ask("/switch", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ lens: name }),
    });
    if (wanted === name) active = answer.lens;
  } catch (error) {
    if (wanted === name) refused = name;
    if (wanted === name && !ended) say(error instanceof TypeError ? "The preview does not answer." : error.message);
  }
  if (wanted === name) {
    wanted = null; // else somebody has chosen another one meanwhile
    markLenses();
  }
}

function step(by) {
  if (!lenses.length) return;
  const at = lenses.findIndex(({ name }) => name === (wanted ?? refused ?? active));
  const { name } = lenses[(Math.max(at, 0) + by + lenses.length) % lenses.length];
  if (byId("lenses").contains(document.activeElement)) {
    [...byId("lenses").children].find((button) => button.dataset.name === name)?.focus();
  }
  choose(name);
}

const KEYS = {
  ArrowRight: () => step(1), ArrowDown: () => step(1), n: () => step(1),
  ArrowLeft: () => step(-1), ArrowUp: () => step(-1), p: () => step(-1),
  0: () => choose("none"),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || !Object.hasOwn(KEYS, event.key)) return;
  const inGroup = byId("lenses").contains(document.activeElement);
  if (/Up|Down/.test(event.key) && !inGroup) return; // they scroll the page
  event.preventDefault();
  KEYS[event.key]();
});

byId("dismiss").addEventListener("click", () => say(""));

listLenses().catch((error) => say(ended ? "" : error.message));
watch();
follow();
