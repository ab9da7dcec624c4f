/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small machine around a vCPU in memory: devices that log their accesses, instructions, and what cases
 * expect of them.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <salvage/abort.h>

#include "support/check.h"
#include "support/memory-vcpu.h"

#define RECORDER      0x0a000000
#define REGISTER_FILE 0x0a020000
#define DISTRIBUTOR   0x08000000
#define FLASH         0x00100000
#define READ          0x06
#define WRITE         0x46

/* Instructions. Rt = x1, Rt2 = x2, base x0 unless the name says otherwise. */
#define LDR_IMM    0xf9400001 /* ldr x1, [x0]: ISV=1 */
#define LDR_POST   0xf8408401 /* ldr x1, [x0], #8 */
#define LDR_P      0x85800000 /* ldr p0, [x0] */
#define STR_POST   0xf8008401 /* str x1, [x0], #8 */
#define STRW_POST  0xb8004401 /* str w1, [x0], #4 */
#define STRB_PRE   0x381ffc01 /* strb w1, [x0, #-1]! */
#define LDRSB_W    0x38c01401 /* ldrsb w1, [x0], #1 */
#define LDRSB_X    0x38801401 /* ldrsb x1, [x0], #1 */
#define LDP        0xa9400801 /* ldp x1, x2, [x0] */
#define LDP_SAME   0xa9400401 /* ldp x1, x1, [x0]: CONSTRAINED UNPREDICTABLE */
#define LDPW       0x29400801 /* ldp w1, w2, [x0] */
#define LDPSW      0x69400801 /* ldpsw x1, x2, [x0] */
#define LDPSW_POST 0x68c10801 /* ldpsw x1, x2, [x0], #8 */
#define STP        0xa9000801 /* stp x1, x2, [x0] */
#define STP_PRE    0xa9bf0801 /* stp x1, x2, [x0, #-16]! */
#define STPW       0x29000801 /* stp w1, w2, [x0] */
#define STP_ZR_SP  0xa8810bff /* stp xzr, x2, [sp], #16 */
#define LDADD      0xb8210002 /* ldadd w1, w2, [x0] */
#define SWP        0xf8218002 /* swp x1, x2, [x0] */
#define CAS        0xc8a17c02 /* cas x1, x2, [x0] */
#define CASP       0x48227c04 /* casp x2, x3, x4, x5, [x0] */
#define CASPW      0x08227c04 /* casp w2, w3, w4, w5, [x0] */
#define LDXR       0xc85f7c01 /* ldxr x1, [x0] */
#define STXR       0xc8027c01 /* stxr w2, x1, [x0] */
#define NOP        0xd503201f

#define X1 0x1111111122222281
#define X2 0x3333333344444482

struct machine {
	struct memory_vcpu vcpu;
	struct sv_region regions[10];
	struct sv_space space;
	struct sv_rule rules[4];
	struct sv_policy policy;
	uint8_t ram[RAM_SIZE], flash[0x1000], recorder[0x10000];
	char log[4000];
	uint64_t refuse; /* the device refuses accesses to this address */
};

/* A new machine with the rules that are written in rule, separated by spaces, or NULL. */
void setup(struct machine *machine, const char *rule);

/* Turns the MMU on, with the first two GiB mapped where they are, as Normal memory. */
void map_flat(struct machine *machine);

/* A whole session on an abort; the recorder does what it is asked, but at machine->refuse. */
enum sv_verdict run(struct machine *machine, struct sv_session *session, uint64_t iss, uint64_t ipa);
enum sv_verdict run_abort(struct machine *machine, struct sv_session *session, const struct sv_abort *abort);

/* What a case expects; zero means: not looked at. */
struct expected {
	enum sv_verdict verdict;
	enum sv_ending ending;
	enum sv_cause cause;
	enum sv_reason reason;
	const char *log, *rule;
	uint64_t x0, x1, x2;
};

#define DONE(log, ...)                                                                                  \
	{                                                                                               \
		SV_VERDICT_RESUME, SV_ENDING_COMPLETED, SV_CAUSE_NISV, SV_REASON_NONE, log, __VA_ARGS__ \
	}
#define INJECTED(cause, reason, log, rule)                                                                 \
	{                                                                                                  \
		SV_VERDICT_RESUME, SV_ENDING_INJECTED, SV_CAUSE_##cause, SV_REASON_##reason, log, rule, 0, \
			0, 0                                                                               \
	}
#define RETRIED(cause, reason)                                                                               \
	{                                                                                                    \
		SV_VERDICT_RETRY, SV_ENDING_RETRIED, SV_CAUSE_##cause, SV_REASON_##reason, "", NULL, 0, 0, 0 \
	}

#endif
