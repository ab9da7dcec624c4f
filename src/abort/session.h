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

/* ISS of a data abort (DDI 0487, D24.2, ESR_EL1): the access was a write. */
#define ISS_WnR (UINT64_C(1) << 6)

static inline bool is_memory(enum sv_region_kind kind)
{
	return kind == SV_REGION_RAM || kind == SV_REGION_ROM;
}

/*
 * Register and table access for sv_translate, with the session as its vcpu: system registers are read once.
 */
extern const struct sv_regs_ops sv_session_regs;
enum sv_status sv_session_read_descriptor(void *session, uint64_t ipa, uint64_t *value);

/* Stage 1, as the session's context has it. */
enum sv_status sv_session_translate(struct sv_session *session, uint64_t va, struct sv_access_kind kind,
				    struct sv_translation *translation);

/* What the status of a translation means for an access. */
enum sv_reason sv_session_reason(enum sv_status status);

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
 * Whether what a copy or set has left to do explains the abort: it may be ahead of its registers.
 * REASON_NONE, or what is wrong with it.
 */
enum sv_reason sv_session_progress(struct sv_session *session, bool write);

/* Reads PC, PSTATE and SCTLR_EL1. REASON_NONE, REGISTER, or a state that is not taken on. */
enum sv_reason sv_session_state(struct sv_session *session);

/* Whether the instruction explains the syndrome, and then the address. */
enum sv_reason sv_session_check_syndrome(const struct sv_session *session);
enum sv_reason sv_session_check_address(struct sv_session *session);

/* The registers that it needs and the embedder does not give; what stands in its way wherever it goes. */
enum sv_reason sv_session_lack(const struct sv_row *row, const struct sv_regs_ops *regs);
enum sv_reason sv_session_obstacle(const struct sv_session *session);

/* Whether a rule wants performed what is refused otherwise. */
bool sv_session_by_policy(const struct sv_session *session);

/* Completes the report with the place that something is about. */
void sv_session_blame(struct sv_session *session, const struct sv_segment *segment, uint64_t ipa);

/* What is to be done about a piece that is not memory. */
struct sv_decision {
	enum sv_cause cause;
	enum sv_reason reason;
	const struct sv_rule *rule;
	enum sv_action action; /* the rule's; if that observes, what would be done without it */
};

struct sv_decision sv_session_decide(const struct sv_session *session, const struct sv_piece *piece);

/*
 * Decides over all of the footprint. True: all of it is possible. Either way the report has the rule that
 * decides, and of a refusal cause, reason and place.
 */
bool sv_session_classify(struct sv_session *session);

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
