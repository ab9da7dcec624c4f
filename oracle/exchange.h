/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the bare-metal program and the host driver share: the memory map, and the layout of a case. The
 * assembler reads the constants; exchange.c asserts that the structures agree with them.
 *
 * Virtual, intermediate and physical addresses all differ, so that none can pass for another.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

/* Physical. RAM is the shared file. */
#define RAM_PA     0x40000000
#define RAM_BYTES  0x04000000
#define GUEST_PA   0x40080000
#define MAIL_PA    0x40200000
#define SLOTS_PA   0x40400000
#define TABLES_PA  0x40800000
#define VECTOR_PA  0x40a00000
#define CODE_PA    0x40c00000
#define DATA_PA    0x41000000
#define VECTORS_PA 0x42000000

#define CODE_BYTES 0x40000
#define DATA_BYTES 0xc0000

/*
 * Each pass has the data to itself, all at the same IPA: this far apart. In physical memory a page that
 * nobody should touch is behind each.
 */
#define DATA_STRIDE 0x200000

/* Stage 2: IPA = PA + IPA_OFFSET. */
#define IPA_OFFSET 0x500000000

/*
 * Stage 1, all in one level-3 table: the data as Normal memory, the code, the same data as Device-nGnRE
 * memory, the vectors. A literal load reaches both views of the data. Odd and even pages of the data are
 * exchanged, so what crosses a page in VA does not continue in IPA.
 */
#define NORMAL_VA 0x2a5a400000
#define CODE_VA   (NORMAL_VA + DATA_BYTES)
#define DEVICE_VA (CODE_VA + CODE_BYTES)
#define VECTOR_VA (DEVICE_VA + DATA_BYTES)

/* A batch of cases shares system registers; three batches are in flight, each with its own slots and data. */
#define BATCHES     3
#define BATCH_CASES 255
#define BATCH_DATA  (DATA_BYTES / BATCHES)
#define PASSES      4

#define SLOT_BYTES  3072
#define SLOT_MIDDLE 1024 /* SP_EL2 points here: all of what goes in is in reach of LDP's offsets */

/* Offsets from the middle. */
#define IN_V          -1024
#define IN_X          -512
#define IN_SP         -264 /* SP_EL0, SP_EL1 */
#define IN_PC         -248 /* PC, PSTATE */
#define IN_CODE       -232 /* where the words go (physical), the words and what follows them */
#define OUTCOME       0    /* of each pass */
#define OUTCOME_BYTES 320
#define OUT_V         1280

/* Offsets in an outcome. */
#define OUT_X    0
#define OUT_SP   248
#define OUT_PC   264
#define OUT_TRAP 280 /* ESR_EL2, FAR_EL2, HPFAR_EL2, ESR_EL1, FAR_EL1 */

/* struct vectors: as many bytes of each register as its length says, one behind the other. */
#define VECTORS_Z     8192
#define VECTORS_P     512
#define VECTORS_OUT   (VECTORS_Z + VECTORS_P)
#define VECTORS_BYTES (2 * VECTORS_OUT)

/* struct mail */
#define MAIL_PRODUCED 0
#define MAIL_DONE     8
#define MAIL_FATAL    16
#define MAIL_BATCHES  64
#define MAIL_READY    448
#define MAIL_DCZID    456
#define MAIL_LENGTHS  464
#define BATCH_BYTES   128

/* struct batch */
#define BATCH_COUNT   0
#define BATCH_PASSES  8
#define BATCH_SLOTS   16
#define BATCH_SCTLR   24
#define BATCH_TTBR0   32
#define BATCH_TCR     40
#define BATCH_MAIR    48
#define BATCH_VTCR    56
#define BATCH_VTTBR   64 /* one a pass */
#define BATCH_VECTORS 96
#define BATCH_ZCR     104
#define BATCH_FULL    112

#ifndef __ASSEMBLER__
#include <stdint.h>

/* How a case left EL1 or EL0 for EL2. */
struct trap {
	uint64_t esr, far, hpfar, esr_el1, far_el1;
};

struct registers {
	uint64_t x[31], sp_el0, sp_el1, pc, pstate;
};

/* What became of one pass. */
struct outcome {
	struct registers out; /* of the first pass; of others if the batch is full */
	struct trap trap;
};

struct slot {
	uint64_t in_v[32][2];
	struct registers in;
	uint64_t code_pa, code[2];
	uint64_t pad[26];
	struct outcome outcome[PASSES];
	uint64_t out_v[32][2]; /* of the first pass */
	uint64_t pad2[32];
};

/* Beside the slot of a case that has its vector registers here. */
struct vectors {
	uint8_t in_z[VECTORS_Z], in_p[VECTORS_P];
	uint8_t out_z[VECTORS_Z], out_p[VECTORS_P]; /* of the first pass */
};

struct batch {
	uint64_t count, passes, slots_pa;
	uint64_t sctlr, ttbr0, tcr, mair, vtcr, vttbr[PASSES];
	uint64_t vectors_pa; /* 0: the vector registers are in the slots, 16 bytes of each */
	uint64_t zcr;        /* ZCR_EL2 */
	uint64_t full;       /* registers are wanted of every pass */
	uint64_t pad;
};

struct mail {
	uint64_t produced, done; /* counts of batches */
	uint64_t fatal[6];       /* ESR_EL2, ELR_EL2, FAR_EL2 of an exception that should not be */
	struct batch batch[BATCHES];
	/* What the guest finds out about its CPU: DCZID_EL0, and the bytes of a vector by ZCR_EL2.LEN. */
	uint64_t ready, dczid, lengths[16];
};
#endif

#endif
