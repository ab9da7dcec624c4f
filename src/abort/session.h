/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of a session share. */
#ifndef SRC_ABORT_SESSION_H
#define SRC_ABORT_SESSION_H

#include <salvage/abort.h>

#include "policy.h"

enum sv_session_state {
	SV_SESSION_FRESH,   /* nothing read yet */
	SV_SESSION_PERFORM, /* everything is possible; elements are being performed */
	SV_SESSION_WAIT,    /* an access is out */
	SV_SESSION_OVER,
};

static inline bool is_memory(enum sv_region_kind kind)
{
	return kind == SV_REGION_RAM || kind == SV_REGION_ROM;
}

/*
 * Register and table access for sv_translate, with the session as its vcpu: system registers are read once.
 */
extern const struct sv_regs_ops sv_session_regs;
enum sv_status sv_session_read_descriptor(void *session, uint64_t ipa, uint64_t *value);

/* Reads an aligned opcode word at the PC. REASON_NONE, or what was in the way. */
enum sv_reason sv_session_fetch(struct sv_session *session, uint32_t *word);

/*
 * Translates the footprint and cuts it where places change. REASON_NONE; else report.ipa, va and the
 * segments tell how far it got.
 */
enum sv_reason sv_session_segments(struct sv_session *session);

/* Bytes of the footprint; what a copy writes follows what it reads. */
static inline unsigned sv_session_total(const struct sv_session *session)
{
	const struct sv_plan *plan = &session->plan;

	return plan->esize * plan->count * (plan->copy ? 2u : 1u);
}

/* offset, or where the next active element begins, or the total. */
unsigned sv_session_active(const struct sv_session *session, unsigned offset);

/* The piece of the footprint at an offset: a whole element, or what of it lies in one segment. */
struct sv_piece {
	const struct sv_segment *segment;
	uint64_t ipa;
	unsigned size;
};

struct sv_piece sv_session_piece(const struct sv_session *session, unsigned offset);

/*
 * Whether what a copy or set has left to do explains the abort: it may be ahead of its registers. REASON_NONE,
 * or what is wrong with it.
 */
enum sv_reason sv_session_progress(struct sv_session *session, bool write);

/* Whether this abort is of the instruction whose retries cpu->retries counts. */
static inline bool sv_session_is_retried(const struct sv_session *session)
{
	return session->cpu->retry_pc == session->report.pc;
}

/* Endings. Each completes the report and the session. */
enum sv_verdict sv_session_end(struct sv_session *session, enum sv_ending ending, enum sv_verdict verdict);
enum sv_verdict sv_session_inject(struct sv_session *session);
enum sv_verdict sv_session_stop(struct sv_session *session, enum sv_reason reason);
/* By what report.rule says: injected, stopped or observed. */
enum sv_verdict sv_session_apply(struct sv_session *session, enum sv_ending would);
/* By policy, for a cause that cannot be emulated. */
enum sv_verdict sv_session_refusal(struct sv_session *session, enum sv_cause cause, enum sv_reason reason);

#endif
