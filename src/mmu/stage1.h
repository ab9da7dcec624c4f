/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of stage-1 translation share. */
#ifndef STAGE1_H
#define STAGE1_H

#include <salvage/mmu.h>

/*
 * Descriptors (DDI 0487, D8.3). With permission indirection AP[2] is nDirty, and UXN, PXN, DBM and AP[1]
 * are the index.
 */
#define DESC_VALID          UINT64_C(1)
#define DESC_TABLE          UINT64_C(2) /* a table, or a page at level 3 */
#define DESC_AttrIndx(desc) ((desc) >> 2 & 7)
#define DESC_AP1            (UINT64_C(1) << 6) /* EL0 may access */
#define DESC_AP2            (UINT64_C(1) << 7) /* read-only */
#define DESC_SH(desc)       ((desc) >> 8 & 3)
#define DESC_AF             (UINT64_C(1) << 10)
#define DESC_DBM            (UINT64_C(1) << 51)
#define DESC_PXN            (UINT64_C(1) << 53)
#define DESC_UXN            (UINT64_C(1) << 54)
#define DESC_PXNTable       (UINT64_C(1) << 59)
#define DESC_UXNTable       (UINT64_C(1) << 60)
#define DESC_APTable0       (UINT64_C(1) << 61) /* no EL0 access below */
#define DESC_APTable1       (UINT64_C(1) << 62) /* read-only below */
#define DESC_PIIndex(desc)  (((desc) >> 53 & 3) << 2 | ((desc) >> 51 & 1) << 1 | ((desc) >> 6 & 1))
#define DESC_POIndex(desc)  ((desc) >> 60 & 7)

/* The caller's arguments. */
struct stage1 {
	const struct sv_context *context;
	unsigned features;
	uint64_t va;
	struct sv_access_kind kind;
	const struct sv_regs_ops *ops;
	sv_read_descriptor read;
	void *vcpu;
};

/* The regime, as one walk needs it. */
struct regime {
	uint64_t tcr;
	bool upper; /* TTBR1 */
	uint8_t granule, input_bits, output_bits;
	bool ds;      /* FEAT_LPA2's descriptors */
	bool lpa;     /* 64 KiB granules and FEAT_LPA: address bits 51:48 in a descriptor's 15:12 */
	bool ha, hd;  /* hardware updates the access flag, the dirty state */
	bool hpd;     /* no hierarchical permissions */
	bool pie;     /* permission indirection */
	bool overlay; /* permission overlays for the level that is asked for */
};

static inline uint64_t low_bits(unsigned count)
{
	return (UINT64_C(1) << count) - 1;
}

static inline bool has(const struct stage1 *stage1, enum sv_mmu_feature feature)
{
	return stage1->features & feature;
}

static inline unsigned pa_bits(const struct stage1 *stage1)
{
	unsigned bits = stage1->features >> 24;

	return bits ? bits : 48;
}

/* regime.c: everything before the first descriptor. */
enum sv_status sv_regime_read(const struct stage1 *stage1, struct regime *regime, struct sv_translation *out);

/* The address bits that a tag leaves, for a range check: those of a tag are made like bit 55. */
uint64_t sv_regime_untag(const struct stage1 *stage1, uint64_t tcr);

/* permission.c: what the level that is asked for may do. SV_OK, SV_PERMISSION, SV_REGISTER. */
enum sv_status sv_permission_check(const struct stage1 *stage1, const struct regime *regime, uint64_t desc,
				   uint64_t tables, struct sv_translation *out);

/* attributes.c: the memory type. SV_OK or SV_REGISTER. */
enum sv_status sv_attributes_read(const struct stage1 *stage1, const struct regime *regime, uint64_t desc,
				  struct sv_translation *out);
void sv_attributes_flat(const struct stage1 *stage1, struct sv_translation *out);

/* fault.c: fills out->esr for a status at out->level; returns the status. */
enum sv_status sv_fault_report(const struct stage1 *stage1, enum sv_status status,
			       struct sv_translation *out);

/* Faults that say more than a status does: ESR_EL1.ISS2, and a read that an atomic was not permitted. */
#define ESR_WnR      (UINT64_C(1) << 6)
#define ESR_DirtyBit (UINT64_C(1) << 37)
#define ESR_Overlay  (UINT64_C(1) << 38)

#endif
