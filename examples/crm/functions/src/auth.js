"use strict";

const { getAuth } = require("firebase-admin/auth");
const { getFirestore } = require("firebase-admin/firestore");
const { HttpsError } = require("firebase-functions/https");

/** Whether the caller is an administrator. Only verified addresses count: anyone can sign up with any address. */
function isAdmin(token, adminEmails) {
  const admins = adminEmails.split(",").map((email) => email.trim().toLowerCase()).filter(Boolean);
  return token.email_verified === true && admins.includes(String(token.email).toLowerCase());
}

/** @throws {HttpsError} permission-denied unless members/{uid} exists and is active */
async function requireMember(uid) {
  const member = await getFirestore().doc(`members/${uid}`).get();
  if (member.get("active") !== true) {
    throw new HttpsError("permission-denied", "Your account is not a member of this company.");
  }
  return member.data();
}

/** The verified caller of an https function. @throws {HttpsError} unauthenticated */
async function callerOf(request) {
  const match = /^Bearer (.+)$/.exec(request.get("authorization") || "");
  if (!match) throw new HttpsError("unauthenticated", "Send a Firebase ID token as Authorization: Bearer.");
  try {
    return { idToken: match[1], token: await getAuth().verifyIdToken(match[1]) };
  } catch (error) {
    if (!String(error.code).startsWith("auth/")) throw error;
    throw new HttpsError("unauthenticated", "The Firebase ID token is not valid.");
  }
}

module.exports = { callerOf, isAdmin, requireMember };
