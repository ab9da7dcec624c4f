/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether what QEMU did and what we do are the same. */
#ifndef JUDGE_H
#define JUDGE_H

#include "model.h"

/*
 * Where the two are known to differ and QEMU is known to be wrong or silent: X(name, what). Each is counted
 * where it is met; nothing else is forgiven.
 */
#define EXCLUSIONS(X)                                                                                         \
	X(DEVICE_UNALIGNED,                                                                                   \
	  "QEMU (7.2 and 10.0, as it is run here; 11.1 not always) lets an unaligned access to Device "       \
	  "memory through; DDI 0487, D8.5.2 has it fault at stage 1. Ours refuses it. No more is compared.")  \
	X(LDAPR_UNALIGNED,                                                                                    \
	  "QEMU before 9.0 lets an unaligned LDAPR through; without FEAT_LSE2, which it has not either, "     \
	  "it faults (DDI 0487, B2.5).")                                                                      \
	X(LOR_AR, "QEMU reports AR=0 for LDLAR and STLLR. All else of these cases is compared.")              \
	X(CACHE,                                                                                              \
	  "QEMU has no caches: DC by address does nothing there, or probes without CM. Nothing is compared.") \
	X(UNAIMED,                                                                                            \
	  "a refused row whose address is in predicates or vectors. Where there is an abort, ISV, WnR and "   \
	  "the reason of our refusal are compared.")                                                          \
	X(ZERO_DEVICE,                                                                                        \
	  "QEMU lets DC ZVA and its like through on Device memory; DDI 0487, D8.5.2 has them fault at "       \
	  "stage 1. Ours refuses them. Not compared further.")                                                \
	X(INACTIVE,                                                                                           \
	  "no element of a vector is active, so there is no access and no abort. That there is none is "      \
	  "compared; the registers after it are not ours to write.")                                          \
	X(SHORT_VECTOR,                                                                                       \
	  "a load of more bytes than a vector has is UNDEFINED, to both. There is no more to it.")            \
	X(CORRUPTS,                                                                                           \
	  "a forward copy onto what it has yet to read, or onto the same memory by another address: what "    \
	  "comes of it depends on how much is copied at a time. Registers and syndromes are compared.")       \
	X(STRAY,                                                                                              \
	  "where an element that a predicate as counter governs lies across pages, QEMU (11.1) stores it "    \
	  "right, and once more as if the second page followed the first in the host's memory. That is "      \
	  "looked for behind every page; all else of these cases is compared.")                               \
	X(GCS,                                                                                                \
	  "no guarded control stack is in use: its instructions trap or do nothing. Nothing is compared.")    \
	X(STORE_EXCLUSIVE,                                                                                    \
	  "a store-exclusive accesses memory only after a load-exclusive, and a case is one instruction. "    \
	  "Nothing is compared.")

enum exclusion {
#define X(name, text) EXCLUSION_##name,
	EXCLUSIONS(X)
#undef X
		EXCLUSION_COUNT
};

/* What one case adds to the figures; also their sum. */
struct figures {
	uint64_t cases;         /* of rows that we perform: compared, completed or faulted */
	uint64_t completed;     /* of the cases: run to the end by both, registers and memory compared */
	uint64_t faulted;       /* stage-1 faults that both see */
	uint64_t syndromes;     /* stage-2 aborts whose syndrome was compared */
	uint64_t sessions;      /* sessions run on such an abort and compared to the end */
	uint64_t resumed;       /* memory copies that QEMU has gone on with after a session */
	uint64_t unpredictable; /* words thrown away */
	uint64_t undefined;     /* QEMU does not know the instruction */
	uint64_t refused;       /* cases of rows that we refuse by name: faults and syndromes compared */
	uint64_t mismatches;
	uint64_t exclusions[EXCLUSION_COUNT];
};

struct verdict {
	const char *what; /* NULL: the same; else in what they differ */
	bool undefined;
};

/* rest: see copy_judge. */
struct verdict judge(const struct job *job, const struct machine *machine, unsigned version,
		     struct figures *figures, struct job *rest);

#endif
