/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage-1 translation of the EL1&0 regime in software. No state, no heap; any thread.
 *
 * This version: MMU off; VMSAv8-64 with 4, 16 and 64 KiB granules, up to 48-bit addresses, both TTBRs,
 * blocks, hierarchical and direct permissions, PAN, UXN/PXN/WXN. LPA, LPA2, D128, permission indirection
 * and overlays are refused with SV_UNSUPPORTED.
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

/* What the vCPU has; the embedder reads the ID registers once. */
enum sv_mmu_feature {
	/* FEAT_S1PIE, S1POE, AIE or D128: TCR2_EL1 exists and must be consulted. */
	SV_MMU_S1PIE = 1 << 0,
};

/*
 * Reads one aligned 64-bit descriptor at ipa with a single-copy-atomic load. SV_OK, SV_FAULT (poison,
 * truncated file), or SV_TRANSLATION where there is no memory.
 */
typedef enum sv_status (*sv_read_descriptor)(void *vcpu, uint64_t ipa, uint64_t *value);

struct sv_translation {
	uint64_t ipa;  /* of the byte asked for */
	uint64_t last; /* the mapping is linear up to here: the last IPA of this page or block */
	bool device;   /* memory type is Device: unaligned elements fault */
	int8_t level;  /* of the leaf or of the fault; -1 if the MMU is off */
};

struct sv_access_kind {
	bool write, fetch, el0;
};

/*
 * Translates one address. SV_OK; SV_TRANSLATION, SV_ACCESS_FLAG, SV_PERMISSION, SV_ADDRESS_SIZE with
 * out->level set; SV_FAULT if a table could not be read; SV_UNSUPPORTED; SV_REGISTER. Bounded: at most four
 * descriptors are read, each once.
 */
enum sv_status sv_translate(const struct sv_context *context, unsigned features, uint64_t va,
			    struct sv_access_kind kind, const struct sv_regs_ops *ops,
			    sv_read_descriptor read, void *vcpu, struct sv_translation *out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
