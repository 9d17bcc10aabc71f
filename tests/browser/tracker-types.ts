// What an application written in TypeScript may do with the tracker, and what it is kept from.
import {start} from "../../producers/tracker/xuejing-tracker";
import type {Answer, Options, Reason, Status, Tracker, WireEvent} from "../../producers/tracker/xuejing-tracker";

const options: Options = {
  url: "https://collect.example.org", key: "xj_1", member: "m1", course: "c1", unit: "u1",
  token: async expired => (expired ? "new" : "old"),
  onRejected: (event: WireEvent, why) => console.warn(event.event_id, why.reason, why.retryable),
  onChange: (status: Status) => console.log(status.counting, status.studied_ms),
};
const tracker: Tracker = start(options);
const why: Reason = tracker.status().reason;

export async function use(): Promise<void> {
  await tracker.consent(true);
  tracker.question("q1");
  const given: Answer = {question_id: "q1", correct: null, response: ["A", "C"], x_note: 1};
  const id: string | null = await tracker.answer(given);
  if (id) await tracker.wrong({question_id: "q1", answer_id: id, kind: "careless", expected: "B"});
  tracker.move("c2", "u2");
  tracker.touch();
  await tracker.flush();
  const events: WireEvent[] = await tracker.waiting();
  console.log(why, events.length);
  tracker.stop();
  // @ts-expect-error: a question has an id
  await tracker.answer({correct: true});
  // @ts-expect-error: no such kind of error
  await tracker.wrong({question_id: "q1", kind: "lazy"});
  // @ts-expect-error: a misspelt field is not private
  await tracker.answer({question_id: "q1", corect: true});
  // @ts-expect-error: a token must come from somewhere
  start({url: "", key: "", member: "", course: ""});
}
