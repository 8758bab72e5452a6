"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");

const { clientStats } = require("../src/stats");

test("no events", () => {
  assert.deepEqual(clientStats([]), {
    eventCount: 0, firstEventDate: null, lastEventDate: null, byStatus: {}, byType: {}, totals: {},
  });
});

test("counts, dates and money, archived events left out", () => {
  const events = [
    { date: "2026-05-02", type: "wedding", status: "confirmed", amount: 0.1, currency: "EUR" },
    { date: "2025-11-30", type: "birthday", amount: 0.2, currency: "EUR" },
    { date: "2026-08-01", type: "wedding", status: "cancelled", amount: 900 },
    { date: "2026-02-14", amount: 150 },
    { date: "2020-01-01", type: "wedding", amount: 5000, isArchived: true },
  ];
  assert.deepEqual(clientStats(events), {
    eventCount: 4,
    firstEventDate: "2025-11-30",
    lastEventDate: "2026-08-01",
    byStatus: { confirmed: 1, planned: 2, cancelled: 1 },
    byType: { wedding: 2, birthday: 1, other: 1 },
    totals: { EUR: 0.3, RON: 150 },
  });
});

test("the order of the events does not matter", () => {
  const events = [{ date: "2026-01-01", amount: 1.1 }, { date: "2026-01-02", amount: 2.2 }, { date: "2026-01-03", amount: 3.3 }];
  assert.deepEqual(clientStats([...events].reverse()), clientStats(events));
});
