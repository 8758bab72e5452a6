"use strict";

/**
 * Compute clients/{phoneE164}.stats from all of the client's events.
 *
 * Always computed from all events, not incremented: triggers are delivered at least once and in any order, so
 * increments would be wrong after a repetition. The result does not depend on the current date.
 *
 * @param {Array<{date: string, type?: string, status?: string, amount?: number, currency?: string,
 *   isArchived?: boolean}>} events date is YYYY-MM-DD
 */
function clientStats(events) {
  const live = events.filter((event) => event.isArchived !== true);
  const stats = { eventCount: live.length, firstEventDate: null, lastEventDate: null, byStatus: {}, byType: {}, totals: {} };
  for (const event of live) {
    if (stats.firstEventDate === null || event.date < stats.firstEventDate) stats.firstEventDate = event.date;
    if (stats.lastEventDate === null || event.date > stats.lastEventDate) stats.lastEventDate = event.date;
    const status = event.status || "planned";
    stats.byStatus[status] = (stats.byStatus[status] || 0) + 1;
    const type = event.type || "other";
    stats.byType[type] = (stats.byType[type] || 0) + 1;
    if (status !== "cancelled" && Number.isFinite(event.amount)) {
      const currency = event.currency || "RON";
      // Amounts are added in cents, to avoid floating-point errors such as 0.1 + 0.2 = 0.30000000000000004.
      const cents = Math.round((stats.totals[currency] || 0) * 100) + Math.round(event.amount * 100);
      stats.totals[currency] = cents / 100;
    }
  }
  return stats;
}

module.exports = { clientStats };
