/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policy: which action follows which cause, by IPA range and instruction class. Rules are data of the
 * embedder's; parsing and looking up keep no state and may run in any thread.
 *
 * A rule is written SELECTOR[@FIRST[-LAST]]=ACTION, or just ACTION for every cause:
 *
 *	hole=stop   nisv@0x0a000000-0x0a000fff=inject   class:pair=inject   sea:2=restart   observe
 *
 * A rule is about every access that touches a byte of its range. The most specific rule decides: a narrower
 * range before a wider one, a range before none; within the same range a class before a cause before a bare
 * action. The defaults stand behind all rules.
 */
#ifndef SALVAGE_POLICY_H
#define SALVAGE_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include <salvage/insn.h>
#include <salvage/status.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Why an abort is what it is, as policies and events name it. */
#define SV_CAUSES(X)                                                                                         \
	X(NISV, "nisv")                     /* a device access that the CPU did not describe */              \
	X(HOLE, "hole")                     /* no memory and no device at the address */                     \
	X(UNDECODABLE, "undecodable")       /* the word at the PC is no load or store we know */             \
	X(UNSUPPORTED, "unsupported")       /* known, and refused by name */                                 \
	X(MISMATCH, "mismatch")             /* the word at the PC does not explain the syndrome */           \
	X(UNTRANSLATABLE, "untranslatable") /* stage 1 gives no address for the PC or for a byte accessed */ \
	X(EXCLUSIVE, "exclusive")           /* an exclusive on a device */                                   \
	X(ATOMIC, "atomic")                 /* an atomic on a device */                                      \
	X(LDST64B, "ldst64b")               /* LD64B, ST64B and friends */                                   \
	X(SEA, "sea")                       /* the guest consumed an uncorrected memory error */             \
	X(POISON, "poison")                 /* the host said that a page of the guest is bad */

enum sv_cause {
#define X(name, text) SV_CAUSE_##name,
	SV_CAUSES(X)
#undef X
		SV_CAUSE_COUNT
};

#define SV_ACTIONS(X)                                                                                   \
	X(EMULATE, "emulate") /* perform it */                                                          \
	X(INJECT, "inject")   /* the guest gets an external abort */                                    \
	X(IGNORE, "ignore")   /* reads as zero, writes ignored */                                       \
	X(OBSERVE, "observe") /* report what would have been done, then what happens without salvage */ \
	X(STOP, "stop")       /* the embedder decides */                                                \
	X(RESTART, "restart") /* the embedder is asked to restart the VM */                             \
	X(DUMP, "dump")       /* stop, and leave a dump */

enum sv_action {
#define X(name, text) SV_ACTION_##name,
	SV_ACTIONS(X)
#undef X
		SV_ACTION_COUNT
};

const char *sv_cause_name(enum sv_cause cause);
const char *sv_action_name(enum sv_action action);

enum sv_selector { SV_SELECT_ALL, SV_SELECT_CAUSE, SV_SELECT_CLASS };

/* The longest rule text kept, with its NUL. */
#define SV_RULE_TEXT 80

struct sv_rule {
	uint8_t selector;        /* enum sv_selector */
	uint8_t cause;           /* SV_SELECT_CAUSE */
	uint8_t iclass;          /* SV_SELECT_CLASS */
	uint8_t action;          /* enum sv_action */
	uint32_t threshold;      /* distinct bad pages for sea:N, else 0 */
	uint64_t first, last;    /* 0 and UINT64_MAX if no range was written */
	char text[SV_RULE_TEXT]; /* as written, for events and messages */
};

/* Where and why parsing failed: column counts from 1. why is a static string. */
struct sv_rule_error {
	size_t column;
	const char *why;
};

/*
 * Parses one rule of length bytes (no NUL needed; white space around it is skipped). SV_OK, or SV_MALFORMED
 * with *error filled and *rule unchanged.
 */
enum sv_status sv_rule_parse(const char *text, size_t length, struct sv_rule *rule,
			     struct sv_rule_error *error);

/*
 * The embedder's rules: capacity entries of an array of the embedder's. A zeroed policy has no rules but
 * the defaults.
 */
struct sv_policy {
	struct sv_rule *rules;
	size_t capacity, count;
};

/*
 * Adds a copy of a rule. SV_OVERLAP: a rule of the same precision says otherwise about some address (*other
 * names it); an identical rule is accepted and kept once. SV_MALFORMED: one that sv_rule_parse would not
 * have made. SV_NO_ROOM. On error nothing has changed.
 */
enum sv_status sv_policy_add(struct sv_policy *policy, const struct sv_rule *rule,
			     const struct sv_rule **other);

/*
 * The rule that decides, never NULL: one of policy's, or a default. policy may be NULL. class is
 * SV_CLASS_COUNT if the instruction is not known. Threshold rules (sea:N) never decide here: see
 * sv_policy_threshold.
 */
const struct sv_rule *sv_policy_find(const struct sv_policy *policy, enum sv_cause cause,
				     enum sv_class iclass, uint64_t ipa);

/* The threshold rule of cause with the largest N that distinct has reached, or NULL. */
const struct sv_rule *sv_policy_threshold(const struct sv_policy *policy, enum sv_cause cause,
					  uint64_t distinct);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
