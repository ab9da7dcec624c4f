/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The translation oracle: what its bare-metal program and its host side share, and what the parts of the
 * host side share. The assembler reads the constants; translate-run.c asserts that the structures agree.
 *
 * RAM_PA, RAM_BYTES, GUEST_PA and MAIL_PA are exchange.h's, and so are the counts of batches.
 */
#ifndef TRANSLATE_H
#define TRANSLATE_H

#include "exchange.h"

/* Physical. */
#define T_ID_PA     0x40201000 /* struct translate_ids, told by the program */
#define T_SLOTS_PA  0x40400000
#define T_STAGE2_PA 0x40500000
#define T_CODES_PA  0x40510000 /* tables of the code */
#define T_DATA_PA   0x40600000
#define T_CODE_PA   VECTOR_PA /* one page: the vectors of EL1, then the accesses */
#define T_ARENA_PA  0x40c00000

#define T_DATA_BYTES  0x40000  /* a word is brk #n, n its number: data and code that say where they are */
#define T_ARENA_BYTES 0x140000 /* the stage-1 tables of a batch */

/* With stage 2 on, IPA = PA + T_IPA_OFFSET; all of RAM lies below the smallest output size, 32 bits. */
#define T_IPA_OFFSET UINT64_C(0x40000000)

/* The half that is not under test maps the code page here: 25 bits, one table of level 2, one of level 3. */
#define T_CODE_VA  0x1400000
#define T_ACCESSES 0x800 /* offset of the first access in the page; 16 bytes each */

#define T_SLOT_BYTES 512
#define T_OUT        256 /* offset of the results in a slot */

/* Offsets in a slot, in the order of struct translate_slot. */
#define T_SCTLR   0
#define T_TCR     8
#define T_TTBR0   16
#define T_TTBR1   24
#define T_MAIR    32
#define T_VBAR    40
#define T_SPSR    48
#define T_ELR     56
#define T_X0      64
#define T_X1      72
#define T_TCR2    80
#define T_PIR     88
#define T_PIRE0   96
#define T_POR_EL0 104
#define T_POR_EL1 112
#define T_AT      120
#define T_CHECK   128
#define T_MARK    136

#define T_ESR_EL2   256
#define T_FAR_EL2   264
#define T_HPFAR_EL2 272
#define T_ESR_EL1   280
#define T_FAR_EL1   288
#define T_X2        296
#define T_FOUND     304
#define T_PAR       312

#ifndef __ASSEMBLER__
#include <stdbool.h>

#include <salvage/mmu.h>

#include "case.h"
#include "run.h"

struct translate_ids {
	struct sv_mmu_id id;
	uint64_t ready;
};

struct translate_slot {
	uint64_t sctlr, tcr, ttbr0, ttbr1, mair, vbar, spsr, elr, x0, x1;
	uint64_t tcr2, pir, pire0, por_el0, por_el1;
	uint64_t at;          /* enum translate_at */
	uint64_t check, mark; /* the word that a store should change, and what it was; 0: none */
	uint64_t pad[14];
	uint64_t esr_el2, far_el2, hpfar_el2, esr_el1, far_el1, x2, found, par;
	uint64_t pad2[24];
};

/* The first five are in the order of the code page. */
enum translate_op { OP_LOAD, OP_STORE, OP_LDTR, OP_STTR, OP_SWAP, OP_FETCH, OP_COUNT };

enum translate_at { AT_NONE, AT_S1E1R, AT_S1E1W, AT_S1E0R, AT_S1E0W, AT_S1E1RP, AT_S1E1WP, AT_COUNT };

/* What our side says of one access. */
struct prediction {
	enum sv_status status;
	struct sv_translation out;
	uint64_t last_read, desc; /* the IPA of the last descriptor, and it */
	unsigned reads, registers;
};

/*
 * What QEMU is forgiven: each is counted, and nothing else is. The first ones are known before a case runs,
 * and are not run: who knows what a store would hit.
 */
#define TRANSLATE_EXCLUSIONS(X)                                                                             \
	X(BLOCK,                                                                                            \
	  "QEMU 7.2, not 11.1, takes a block descriptor at any level but 3; reserved ones are translation " \
	  "faults (DDI 0487, D8.3.1)")                                                                      \
	X(HIGH_BITS, "QEMU ignores address bits 51:48 (64 KiB) or 51:50 (DS) of descriptors and TTBR "      \
		     "where IPS is smaller than 52 bits; they are address size faults (DDI 0487, "          \
		     "AArch64.OAOutOfRange)")                                                               \
	X(SMALL_TABLE, "QEMU takes bits 5:4 of TTBR for address also where they are bits 51:50 of a base "  \
		       "that is aligned to 64 bytes (DDI 0487, TTBR0_EL1)")                                 \
	X(DBM_FETCH,                                                                                        \
	  "QEMU lets DBM make a page writable for stores alone, not where a writable page is not "          \
	  "executable (DDI 0487, AArch64.S1ApplyOutputPerms)")                                              \
	X(BLOCK_RES0,                                                                                       \
	  "QEMU compares RES0 bits below a block's address with IPS (DDI 0487, AArch64.LeafBase)")          \
	X(WXN_PAN,                                                                                          \
	  "QEMU lets EL1 execute under WXN what PAN and EPAN keep it from writing; PAN is not about "       \
	  "fetches (DDI 0487, AArch64.CreateAccDescIFetch)")                                                \
	X(PAN_RESERVED,                                                                                     \
	  "with PAN and permission indirection QEMU asks what EL0 may do, the architecture "                \
	  "whether PIRE0_EL1 has anything but 0 (DDI 0487, AArch64.S1IndirectBasePermissions): "            \
	  "reserved encodings differ")                                                                      \
	X(DIRTY_SWAP, "with permission indirection QEMU lets an atomic write a clean page")                 \
	X(DIRTY_AT, "QEMU's AT does not know the dirty state; AT not compared")                             \
	X(SWAP,                                                                                             \
	  "an atomic on a page that can only be read, where there is no memory: QEMU reads first, and "     \
	  "meets the external or stage-2 abort")                                                            \
	X(CACHES_OFF, "QEMU's PAR_EL1 does not know SCTLR_EL1.C: attributes not compared")                  \
	X(RESERVED, "SH 0b01 and attribute 0x40 (FEAT_XS): shareability not compared")                      \
	X(SHAREABILITY,                                                                                     \
	  "QEMU 7.2, not 11.1, reports a descriptor's SH where memory that is not cached is Outer "         \
	  "Shareable (DDI 0487, EffectiveShareability): shareability not compared")

enum translate_exclusion {
#define X(name, text) T_##name,
	TRANSLATE_EXCLUSIONS(X)
#undef X
		T_EXCLUSIONS,
};

struct translate_job {
	struct translate_slot *slot;
	enum translate_op op;
	bool stage2;
	uint8_t granule; /* log2 */
	bool ds;
	int8_t start; /* level */
	struct sv_access_kind kind;
	struct prediction access, at;
	enum translate_exclusion exclusion, at_exclusion; /* T_EXCLUSIONS: none */
};

#define T_GRANULES 5 /* 4K, 16K, 64K, and with DS 4K, 16K */
#define T_LEVELS   5 /* -1 to 3 */
#define T_FSCS     65
#define T_FAILURES 8
#define T_LINE     1400

struct translate_figures {
	uint64_t cases, mismatches;
	uint64_t translated, flat, at;
	uint64_t ops[OP_COUNT];
	uint64_t starts[T_GRANULES][T_LEVELS]; /* with the MMU on and TnSZ in range */
	uint64_t leaves[T_GRANULES][T_LEVELS];
	uint64_t faults[T_FSCS];
	uint64_t reads[6], registers[8];
	uint64_t pie, overlays, overlay_faults, dirty_faults;
	uint64_t exclusions[T_EXCLUSIONS];
	unsigned failures;
	struct sv_mmu_id id;
	char failure[T_FAILURES][T_LINE];
};

/* translate-draw.c */
struct drawer {
	struct machine *machine;
	uint64_t random;
	unsigned features, version;
	uint64_t arena; /* physical, of this batch */
	bool stage2;
	uint8_t used[T_ARENA_BYTES / 64]; /* a bit a descriptor of the arena */
};

/* Stage 2's tables, the code's and the data. */
void translate_build(const struct machine *machine);
void translate_draw_batch(struct drawer *drawer, uint64_t arena);
void translate_draw(struct drawer *drawer, struct translate_job *job);

/* translate-judge.c: fills the predictions; all tables of the batch are drawn by then. */
void translate_predict(const struct drawer *drawer, struct translate_job *job);
/* Compares; NULL, or what is wrong. */
const char *translate_judge(const struct drawer *drawer, const struct translate_job *job,
			    struct translate_figures *figures);
void translate_describe(const struct translate_job *job, const char *what, char line[T_LINE]);

/* translate-run.c: everything; an exit status. */
int translate_main(const struct options *options, const char *version);
#endif

#endif
