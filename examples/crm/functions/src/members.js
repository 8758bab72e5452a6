"use strict";

const { getAuth } = require("firebase-admin/auth");
const { FieldValue, getFirestore } = require("firebase-admin/firestore");
const { HttpsError, onCall } = require("firebase-functions/https");

const { isAdmin } = require("./auth");
const { ADMIN_EMAILS } = require("./config");

const ROLES = ["agent", "admin"];

/**
 * {email, role, active} -> {uid}: add or remove a member. Administrators (ADMIN_EMAILS) need not be members, so
 * they can add the first one.
 */
const setMember = onCall({ secrets: [ADMIN_EMAILS] }, async (request) => {
  if (!request.auth) throw new HttpsError("unauthenticated", "Sign in first.");
  if (!isAdmin(request.auth.token, ADMIN_EMAILS.value())) {
    throw new HttpsError("permission-denied", "Only an administrator may change the members.");
  }
  const { email, role = "agent", active = true } = request.data ?? {};
  if (typeof email !== "string" || !ROLES.includes(role) || typeof active !== "boolean") {
    throw new HttpsError("invalid-argument", `Send email, role (${ROLES.join(" or ")}) and active.`);
  }
  let user;
  try {
    user = await getAuth().getUserByEmail(email);
  } catch (error) {
    if (error.code !== "auth/user-not-found" && error.code !== "auth/invalid-email") throw error;
    throw new HttpsError("not-found", `Nobody has signed up as ${email}.`);
  }
  const db = getFirestore();
  const batch = db.batch();
  batch.set(db.doc(`members/${user.uid}`), { email, role, active, updatedAt: FieldValue.serverTimestamp() }, { merge: true });
  batch.create(db.collection("audit").doc(), {
    action: "setMember",
    by: request.auth.uid,
    target: user.uid,
    role,
    active,
    at: FieldValue.serverTimestamp(),
  });
  await batch.commit();
  return { uid: user.uid };
});

module.exports = { setMember };
