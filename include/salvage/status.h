/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Status codes. Every call of the library that can fail returns one; nothing in the library
 * prints, exits, or signals (DESIGN.md, invariant 10).
 */
#ifndef SALVAGE_STATUS_H
#define SALVAGE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define SV_STATUSES(X)                                            \
	X(OK, "success")                                          \
	X(NOT_MEMORY, "not a known load or store")                \
	X(MALFORMED, "malformed input")                           \
	X(NO_ROOM, "the array or buffer that was given is full")  \
	X(OVERLAP, "overlaps what is there already")              \
	X(FAULT, "guest memory could not be read or written")     \
	X(TRANSLATION, "stage-1 translation fault")               \
	X(ACCESS_FLAG, "stage-1 access flag fault")               \
	X(PERMISSION, "stage-1 permission fault")                 \
	X(ADDRESS_SIZE, "stage-1 address size fault")             \
	X(ALIGNMENT, "stage-1 alignment fault")                   \
	X(UNSUPPORTED, "not supported by this version")           \
	X(REGISTER, "a register could not be read or written")    \
	X(SYSTEM, "the operating system refused; errno says why") \
	X(BUSY, "in use by somebody else")                        \
	X(DAMAGED, "damaged, or not what it was taken for")

/* Ownership and threads: a plain value. */
enum sv_status {
#define X(name, text) SV_##name,
	SV_STATUSES(X)
#undef X
};

/* Returns a static English string, never NULL, also for values out of range. */
const char *sv_status_text(enum sv_status status);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
