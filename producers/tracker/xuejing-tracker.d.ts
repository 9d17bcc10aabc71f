// Types of the Xuejing tracker: xuejing.module.js (import), xuejing.js (global Xuejing), miniprogram.js (require).

/** Why study is not counted at the moment; "" when it is. */
export type Reason = "" | "consent" | "stopped" | "hidden" | "unfocused" | "idle" | "other_tab";

export interface Options {
  /** Address of the collector, as https://collect.example.org */
  url: string;
  /** App key: `xuejing app-key`. It is no secret; tokens are. */
  key: string;
  /** Opaque id of the member who is logged in, 1–64 characters, no names. */
  member: string;
  /** Opaque id of the course, 1–64 characters. */
  course: string;
  /** Unit of the course. */
  unit?: string;
  /**
   * Gets a short-lived token from the host application's server. Asked when there is none; with `expired` true when the
   * collector has refused the last one. A rejected promise is tried again later.
   */
  token(expired: boolean): string | Promise<string>;
  /**
   * true: given, the host application has asked; false: withdrawn, what waits is deleted. Left out: what the member
   * said last on this device by `consent`. Before it is given, nothing is stored and nothing is sent.
   */
  consent?: boolean;
  /** Without input for so long a member is idle; 120000 when left out. */
  idleMs?: number;
  /** Events kept while offline; the oldest go first. 5000 in a page, 1000 in a mini program. */
  maxWaiting?: number;
  /** App and its version, for the record. */
  source?: string;
  /** An event that the collector has refused, or that had no room (`queue_full`). It is no longer kept. */
  onRejected?(event: WireEvent, why: Rejection): void;
  /** After whatever changes; counting itself does not call it. */
  onChange?(status: Status): void;
}

export interface Rejection {
  reason: string;
  detail: string;
  /** The same event could be taken later, by a newer collector. */
  retryable: boolean;
}

export interface Status {
  consent: boolean;
  /** Whether study is counted right now. */
  counting: boolean;
  reason: Reason;
  /** Study that this page has counted since it was opened, ms. */
  studied_ms: number;
  /** Events that are recorded and not yet acknowledged. */
  waiting: number;
  /** Events that were acknowledged since the page was opened. */
  sent: number;
  /** When, ms since 1970 by the device's clock; 0: not yet. */
  last_sent: number;
  /** What hinders sending or storing at the moment; "" when nothing does. */
  problem: string;
}

/** An event of the wire contract, docs/events.md. */
export interface WireEvent {
  event_id: string;
  event_type: "study" | "answer" | "error";
  member_id: string;
  course_id: string;
  occurred_at: string;
  device_id: string;
  source: string;
  [field: string]: unknown;
}

interface OfQuestion {
  /** Unique over all courses. */
  question_id: string;
  /** When it is not the course being studied. */
  course_id?: string;
  /** Left out: practice. */
  exam_id?: string;
  attempt?: number;
  response?: string | string[];
  knowledge_points?: string[];
  /** Fields of your own are kept. */
  [own: `x_${string}`]: unknown;
}

export interface Answer extends OfQuestion {
  /** null or left out: not graded yet. */
  correct?: boolean | null;
  score?: number;
  max_score?: number;
  /** Left out: the attention since `question`, if that was called. */
  duration_ms?: number;
}

export interface WrongQuestion extends OfQuestion {
  /** The answer that it belongs to: what `answer` gave. */
  answer_id?: string;
  expected?: string;
  kind?: "knowledge" | "careless" | "misread" | "other";
}

export interface Tracker {
  /** The member agrees, or withdraws: then counting stops and what waits is deleted, in all tabs. */
  consent(given: boolean): Promise<void>;
  /** The member now looks at this question; null: at none. Attention adds up over several visits until it is answered. */
  question(id: string | null): void;
  /** A submitted answer. Gives the event's id once it is stored; null without consent. Throws when it is too large. */
  answer(fields: Answer): Promise<string | null>;
  /** An answer that was found wrong, possibly days later. As `answer`. */
  wrong(fields: WrongQuestion): Promise<string | null>;
  /** Another unit, or another course. */
  move(course?: string | null, unit?: string): void;
  /** The member does something that the page can't see, such as in a frame or a mini program's page. */
  touch(): void;
  /** Send what waits, unless the collector has asked for patience. */
  flush(): Promise<void>;
  status(): Status;
  /** What is recorded and not yet acknowledged, oldest first. */
  waiting(): Promise<WireEvent[]>;
  /** End counting and listening, for a page that goes on without. What waits is sent at the next start. */
  stop(): void;
}

/** In a mini program `wx` is the global one unless it is given. */
export function start(options: Options & {wx?: unknown}): Tracker;
export as namespace Xuejing;
