/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RAS_SCHEMA_H
#define RAS_SCHEMA_H

#include <sqlite3.h>

#include <salvage/status.h>

#define SCHEMA_VERSION 2

/* PRAGMA user_version, or -1 with the database's error. */
int schema_version(sqlite3 *db);

/*
 * Brings the database to version to, each step and its number in one transaction of its own. SV_OK;
 * SV_UNSUPPORTED: it is beyond SCHEMA_VERSION; SV_SYSTEM with the database's error.
 */
enum sv_status schema_migrate(sqlite3 *db, int to);

#endif
