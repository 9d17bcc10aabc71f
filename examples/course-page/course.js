// A course page as an application would have it: words, questions, and what the tracker is told of them.
import {start} from "/tracker/xuejing.module.js";

const TEXTS = {
  zh: {
    brand: "示例课程页", other: "English", record: "学习记录", studied: "本次学习", waiting: "待发送", sent: "已送达",
    member: "成员编号", change: "换人", consent: "同意记录我的学习",
    consent_note: "开启之前不保存也不发送任何内容；关闭即停止，并删除尚未发送的记录。",
    queue: "已记录、尚未送达的内容", empty: "没有。", refused: "未被接受的记录",
    submit: "提交", again: "再答一次", right: "答对了。", wrong: "答错了，正确答案是 {key}。", choose: "请先选择一项。",
    study: "学习", answer: "作答", error: "错题", seconds: "{n} 秒", title: "怎样学得牢 · 学镜示例课程",
    "": "正在计时", consent_: "未同意，不记录", stopped: "已停止", hidden: "页面不在前台，暂停计时",
    unfocused: "窗口没有焦点，暂停计时", idle: "一段时间没有操作，暂停计时", other_tab: "另一个标签页正在计时",
    network: "网络不通", problem: "暂时无法送达（{what}），稍后自动重试。", link: "请用 xuejing up 显示的链接打开本页。",
  },
  en: {
    brand: "Demo course page", other: "中文", record: "Study record", studied: "This visit", waiting: "Waiting", sent: "Delivered",
    member: "Member ID", change: "Change", consent: "Record my study",
    consent_note: "Before this is on, nothing is stored or sent. Turning it off stops recording and deletes what waits.",
    queue: "Recorded and not yet delivered", empty: "Nothing.", refused: "Not accepted",
    submit: "Submit", again: "Answer again", right: "Right.", wrong: "Wrong; the answer is {key}.", choose: "Choose one first.",
    study: "Study", answer: "Answer", error: "Wrong question", seconds: "{n} s", title: "Learning that lasts · Xuejing demo course",
    "": "Counting", consent_: "Not agreed: nothing is recorded", stopped: "Stopped", hidden: "Page in the background: paused",
    unfocused: "Window without focus: paused", idle: "Nothing done for a while: paused", other_tab: "Another tab is counting",
    network: "no connection", problem: "Can't be delivered now ({what}); it is tried again.", link: "Open this page by the link that xuejing up prints.",
  },
};

const $ = id => document.getElementById(id);
const asked = new URLSearchParams(location.search);
const kept = sessionStorage;
let language = asked.get("lang") || kept.getItem("language") || "zh";
if (!TEXTS[language]) language = "zh";
let member = asked.get("member") || kept.getItem("member") || "demo-1";
let course = null, tracker = null, refused = [], answered = new Map();

// What lets in stands behind the #; it is kept for this tab and taken out of the address.
if (location.hash.length > 1) {
  kept.setItem("code", location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
}

const text = (name, values = {}) =>
  Object.entries(values).reduce((t, [k, v]) => t.replace("{" + k + "}", v), TEXTS[language][name] || name);

function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// ---- the host application's part: who studies, and a short-lived token

let key = "";

async function session() {
  const answer = await fetch("session", {
    method: "POST", body: JSON.stringify({code: kept.getItem("code") || "", member}), cache: "no-store",
  });
  if (!answer.ok) throw new Error(answer.status === 401 ? text("link") : String(answer.status));
  const found = await answer.json();
  key = found.key;
  return found.token;
}

async function begin() {
  if (tracker) tracker.stop();
  tracker = null;
  refused = [];
  let first;
  try {
    first = await session();
  } catch (error) {
    show(error.message);
    return;
  }
  tracker = start({
    url: location.origin, key, member, course: course.course_id, unit: course.units[0].unit_id,
    token: () => {
      const found = first || session();
      first = null;
      return found;
    },
    onRejected: (event, why) => refused.push([event, why]),
    onChange: () => show(),
  });
  show();
}

// ---- the course

function question(q) {
  const name = q.question_id, verdict = make("p", {className: "verdict"});
  verdict.setAttribute("role", "status");
  const go = make("button", {type: "submit", className: "go", textContent: text("submit")});
  const options = Object.entries(q.options).map(([letter, words]) =>
    make("label", {className: "option"}, make("input", {type: "radio", name, value: letter}),
      make("span", {textContent: letter + ". " + words[language]})));
  const set = make("fieldset", {}, make("legend", {textContent: q.text[language]}), ...options,
    make("div", {className: "row"}, go, verdict));
  const form = make("form", {}, set);
  const judge = response => {
    const right = response === q.key;
    verdict.className = "verdict " + (right ? "right" : "wrong");
    verdict.textContent = (right ? text("right") : text("wrong", {key: q.key})) + " " + q.explanation[language];
    go.textContent = text("again");
  };
  // The question has the member's attention from when they turn to it.
  form.addEventListener("focusin", () => tracker && tracker.question(name));
  form.addEventListener("pointerenter", () => tracker && tracker.question(name));
  form.addEventListener("submit", event => {
    event.preventDefault();
    const response = new FormData(form).get(name);
    if (!response) {
      verdict.className = "verdict";
      verdict.textContent = text("choose");
      return;
    }
    answered.set(name, response);
    judge(response);
    if (tracker) give(q, response);
  });
  const before = answered.get(name);
  if (before) {
    form.elements[name].value = before;
    judge(before);
  }
  return form;
}

async function give(q, response) {
  const about = {question_id: q.question_id, response, knowledge_points: [q.knowledge_point]};
  const answer_id = await tracker.answer({...about, correct: response === q.key});
  if (answer_id && response !== q.key) await tracker.wrong({...about, answer_id, expected: q.key});
}

function draw() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = text("title");
  for (const e of document.querySelectorAll("[data-text]")) e.textContent = text(e.dataset.text);
  $("language").textContent = text("other");
  $("language").lang = language === "zh" ? "en" : "zh-CN";
  $("member").value = member;
  if (course) {
    const units = course.units.map(unit => {
      const section = make("section", {}, make("h2", {className: "unit", textContent: unit.title[language]}),
        ...unit.text.map(words => make("p", {textContent: words[language]})), ...unit.questions.map(question));
      section.dataset.unit = unit.unit_id;
      return section;
    });
    $("course").replaceChildren(make("h1", {textContent: course.title[language]}),
      make("p", {className: "lead", textContent: course.lead[language]}), ...units);
    for (const unit of units) reading.observe(unit);
  }
  show();
}

const reading = new IntersectionObserver(found => {
  const top = found.filter(f => f.isIntersecting).pop();
  if (top && tracker) tracker.move(null, top.target.dataset.unit);
}, {rootMargin: "-45% 0px -50% 0px"});

// ---- what is recorded

function show(trouble) {
  const now = tracker ? tracker.status() : {consent: false, counting: false, reason: "consent", studied_ms: 0, waiting: 0, sent: 0};
  const seconds = Math.floor(now.studied_ms / 1000);
  $("studied").textContent = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
  $("waiting").textContent = now.waiting;
  $("sent").textContent = now.sent;
  $("consent").checked = now.consent;
  $("consent").disabled = !tracker;
  $("state").dataset.state = now.counting ? "on" : "off";
  const state = text(now.reason === "consent" ? "consent_" : now.counting ? "" : now.reason || "other_tab");
  if ($("state-text").textContent !== state) $("state-text").textContent = state;
  const problem = trouble || (now.problem && text("problem", {what: text(now.problem)}));
  $("problem").hidden = !problem;
  if (problem && $("problem").textContent !== problem) $("problem").textContent = problem;
  $("refused").hidden = !refused.length;
  $("refusals").replaceChildren(...refused.map(([event, why]) =>
    make("li", {}, make("span", {textContent: text(event.event_type)}), make("span", {textContent: why.reason}))));
  if (tracker) tracker.waiting().then(list);
  else list([]);
}

function list(events) {
  $("empty").hidden = events.length > 0;
  $("events").replaceChildren(...events.slice().reverse().map(e => make("li", {},
    make("span", {textContent: text(e.event_type) + " " + (e.question_id || e.unit_id || "")}),
    make("span", {textContent: (e.duration_ms === undefined ? "" : text("seconds", {n: (e.duration_ms / 1000).toFixed(1)}) + " · ")
      + new Date(e.occurred_at).toLocaleTimeString(language === "zh" ? "zh-CN" : "en-GB")}))));
}

$("consent").addEventListener("change", event => tracker && tracker.consent(event.target.checked));
$("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  kept.setItem("language", language);
  draw();
});
$("who").addEventListener("submit", event => {
  event.preventDefault();
  member = $("member").value.trim();
  kept.setItem("member", member);
  begin();
});

$("queue").open = innerWidth > 860;
draw();
course = await (await fetch("course.json")).json();
draw();
await begin();
setInterval(show, 500);
