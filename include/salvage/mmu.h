/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage-1 translation of the EL1&0 regime in AArch64 state, in software (DDI 0487, D8 "The AArch64 Virtual
 * Memory System Architecture"). No state, no heap; any thread.
 *
 * VMSAv8-64 with 4, 16 and 64 KiB granules, every start level, addresses of up to 52 bits (FEAT_LVA, LPA,
 * LPA2), small tables (TTST), tags (TBI, TBID, MTX), EPD, E0PD, HPD, direct and hierarchical permissions,
 * PAN and EPAN, WXN, permission indirection and overlays (FEAT_S1PIE, S1POE), memory types.
 *
 * Where the architecture leaves a choice, this one is made:
 * - TnSZ out of range is a translation fault of level 0; a reserved IPS is 52 bits.
 * - The Contiguous bit is a hint and ignored, also where it is misprogrammed, as is nT.
 * - Hardware update of the access flag and the dirty state: tables are never written. What is said is what
 *   an access would be told whose update had succeeded: no access flag fault, a dirty page writable.
 * - Instructions may be fetched from Device memory.
 * TCR2_EL1.PnCH (FEAT_THE) redefines the Contiguous bit only; HAFT would only have tables written.
 * HCR_EL2 is the host's: its DC and TGE are not looked at.
 * Refused, by name: what enum sv_mmu_refusal lists.
 */
#ifndef SALVAGE_MMU_H
#define SALVAGE_MMU_H

#include <stdbool.h>
#include <stdint.h>

#include <salvage/insn.h>
#include <salvage/regs.h>
#include <salvage/status.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * What the vCPU has. A register bit of a feature that is not there is RES0 and ignored. 0 stands for
 * Armv8.0 with all three granules and 48-bit addresses.
 */
enum sv_mmu_feature {
	SV_MMU_NO_4K = 1 << 0, /* that granule is not implemented */
	SV_MMU_NO_16K = 1 << 1,
	SV_MMU_NO_64K = 1 << 2,
	SV_MMU_LPA2_4K = 1 << 3,  /* TCR_EL1.DS with 4 KiB granules */
	SV_MMU_LPA2_16K = 1 << 4, /* the same with 16 KiB */
	SV_MMU_LVA = 1 << 5,      /* 52-bit virtual addresses with 64 KiB granules */
	SV_MMU_TTST = 1 << 6,     /* TnSZ up to 48, or 47 */
	SV_MMU_HA = 1 << 7,
	SV_MMU_HD = 1 << 8,
	SV_MMU_HPD = 1 << 9,
	SV_MMU_PAN3 = 1 << 10, /* SCTLR_EL1.EPAN */
	SV_MMU_E0PD = 1 << 11,
	SV_MMU_TBID = 1 << 12, /* FEAT_PAuth */
	SV_MMU_MTX = 1 << 13,
	/* These make TCR2_EL1 be consulted. */
	SV_MMU_S1PIE = 1 << 14,
	SV_MMU_S1POE = 1 << 15,
	SV_MMU_AIE = 1 << 16,
	SV_MMU_D128 = 1 << 17,
};

/* The physical address size, 32 to 52; to be added to the features. */
#define SV_MMU_PA_BITS(bits) ((unsigned)(bits) << 24)

/* ID registers, by name. */
struct sv_mmu_id {
	uint64_t aa64mmfr0, aa64mmfr1, aa64mmfr2, aa64mmfr3, aa64pfr1, aa64isar1, aa64isar2;
};

/* The features that the ID registers of a vCPU name; every value is accepted. */
unsigned sv_mmu_features(const struct sv_mmu_id *id);

/*
 * Reads one aligned 64-bit descriptor at ipa with a single-copy-atomic load. SV_OK, SV_FAULT (poison,
 * truncated file), or SV_TRANSLATION where there is no memory; any other status ends the walk with it.
 */
typedef enum sv_status (*sv_read_descriptor)(void *vcpu, uint64_t ipa, uint64_t *value);

/* Why a translation is SV_UNSUPPORTED. */
#define SV_MMU_REFUSALS(X)                                            \
	X(NONE, "none")                                               \
	X(GRANULE, "TCR_EL1.TGn selects a granule that is not there") \
	X(AIE, "TCR2_EL1.AIE: extended attribute indexes")            \
	X(D128, "TCR2_EL1.D128: 128-bit descriptors")                 \
	X(TCR2, "TCR2_EL1 has a bit set that this version does not know")

enum sv_mmu_refusal {
#define X(name, text) SV_MMU_REFUSAL_##name,
	SV_MMU_REFUSALS(X)
#undef X
};

/* Returns a static English string, never NULL, also for values out of range. */
const char *sv_mmu_refusal_text(enum sv_mmu_refusal refusal);

/* In the order and with the values of MAIR_EL1's dd. */
enum sv_device_type {
	SV_DEVICE_nGnRnE,
	SV_DEVICE_nGnRE,
	SV_DEVICE_nGRE,
	SV_DEVICE_GRE,
};

enum sv_cacheability {
	SV_NON_CACHEABLE,
	SV_WRITE_THROUGH,
	SV_WRITE_BACK,
};

/* As a descriptor's SH has it. */
enum sv_shareability {
	SV_NON_SHAREABLE = 0,
	SV_OUTER_SHAREABLE = 2,
	SV_INNER_SHAREABLE = 3,
};

/*
 * The memory type in effect for a data access, SCTLR_EL1.C taken into account. Of a fetch it is not looked
 * up: Normal, Non-cacheable, Outer Shareable is said.
 */
struct sv_memory_type {
	uint8_t attr;         /* as in MAIR_EL1 */
	uint8_t device;       /* enum sv_device_type, if it is Device */
	uint8_t inner, outer; /* enum sv_cacheability, if it is Normal */
	uint8_t shareability; /* enum sv_shareability */
};

struct sv_translation {
	/* With SV_OK. */
	uint64_t ipa;  /* of the byte asked for */
	uint64_t last; /* the mapping is linear up to here: the last IPA of this page or block */
	bool device;   /* memory type is Device: unaligned elements fault */
	struct sv_memory_type type;
	bool read, write, execute; /* what the exception level that was asked for may do here */

	int8_t level; /* of the leaf or of the fault, -1 to 3; -1 too if the MMU is off */

	/*
	 * With a fault: what ESR_EL1 says of it. FSC, WnR of a data access, and ISS2's Overlay and DirtyBit;
	 * EC, IL and CM are the caller's to add. FAR_EL1 is the address that was asked for. 0 with the
	 * statuses that are no fault of the guest.
	 */
	uint64_t esr;

	enum sv_mmu_refusal refusal; /* with SV_UNSUPPORTED */
	bool no_table;               /* with SV_FAULT: there is no memory where the table should be */
};

/* A load, unless it says otherwise. */
struct sv_access_kind {
	bool write, fetch;
	bool el0;    /* with EL0's permissions: sv_access_el0 */
	bool atomic; /* a write that reads too */
};

/* Whether an access has EL0's permissions: at EL0, or LDTR and its like without PSTATE.UAO. */
bool sv_access_el0(const struct sv_context *context, bool unprivileged);

/*
 * Translates one address. SV_OK; SV_TRANSLATION, SV_ACCESS_FLAG, SV_PERMISSION, SV_ADDRESS_SIZE with
 * out->level and out->esr set; SV_FAULT if there is no memory for a table, or it cannot be read: an external
 * abort on the walk, level and esr set likewise; SV_UNSUPPORTED with out->refusal; SV_REGISTER. Bounded: at
 * most five descriptors are read, each once. Registers are read only where they matter: none with the MMU
 * off and no tag; TCR_EL1, one TTBR and for data MAIR_EL1; TCR2_EL1 if a feature needs it, and only if it
 * turns them on PIR_EL1 and PIRE0_EL1, and POR_EL0 or POR_EL1.
 */
enum sv_status sv_translate(const struct sv_context *context, unsigned features, uint64_t va,
			    struct sv_access_kind kind, const struct sv_regs_ops *ops,
			    sv_read_descriptor read, void *vcpu, struct sv_translation *out);

/* What is no fault has no fault status code. */
#define SV_FSC_NONE 0x40

/*
 * DFSC or IFSC of a stage-1 fault: SV_TRANSLATION, SV_ADDRESS_SIZE and SV_FAULT (an external abort on the
 * walk) at level -1 to 3, SV_ACCESS_FLAG and SV_PERMISSION at level 0 to 3, SV_ALIGNMENT at any.
 * SV_FSC_NONE for everything else.
 */
unsigned sv_stage1_fsc(enum sv_status status, int level);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
