/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A syndrome field by field, in the Arm ARM's names and words. Pure, freestanding, any thread; every value is
 * accepted.
 */
#ifndef SALVAGE_SYNDROME_H
#define SALVAGE_SYNDROME_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum sv_syndrome {
	SV_SYNDROME_ESR, /* ESR_EL1 or ESR_EL2 */
	/* esr_iss of KVM_EXIT_ARM_NISV: KVM keeps CM, WnR and FSC of it and clears the rest */
	SV_SYNDROME_NISV,
};

/*
 * One field. text is static and says what the value means: "reserved" if the architecture gives it no
 * meaning, "" for a plain number.
 */
struct sv_field {
	const char *name;
	uint8_t high, low; /* bit positions */
	uint64_t value;
	const char *text;
};

/*
 * The next field that this syndrome has, from the most significant down; *cursor starts at 0 and is the
 * call's own. False when there are no more, *field unchanged. Fields that another field's value makes RES0 or
 * UNKNOWN (SAS where ISV is 0) are left out. What the fields do not cover, and is not zero, comes last, as
 * "RES0".
 */
bool sv_syndrome_field(enum sv_syndrome kind, uint64_t syndrome, unsigned *cursor, struct sv_field *field);

/* What exception class 0..0x3f is; "reserved" for those without meaning. */
const char *sv_syndrome_class(unsigned ec);

/* What fault status code 0..0x3f of a data or instruction abort says; "reserved" likewise. */
const char *sv_syndrome_fault(unsigned fsc);

/* What kind of fault it is, without its level. */
enum sv_fault_kind {
	SV_FAULT_RESERVED,
	SV_FAULT_ADDRESS_SIZE,
	SV_FAULT_TRANSLATION,
	SV_FAULT_ACCESS_FLAG,
	SV_FAULT_PERMISSION,
	SV_FAULT_EXTERNAL,      /* synchronous external abort */
	SV_FAULT_EXTERNAL_WALK, /* the same on a translation table walk */
	SV_FAULT_PARITY,        /* synchronous parity or ECC error */
	SV_FAULT_PARITY_WALK,   /* the same on a translation table walk */
	SV_FAULT_TAG_CHECK,     /* MTE */
	SV_FAULT_ALIGNMENT,
	SV_FAULT_GRANULE, /* granule protection fault, on a walk or not */
	SV_FAULT_TLB_CONFLICT,
	SV_FAULT_HARDWARE_UPDATE, /* unsupported atomic hardware update */
	SV_FAULT_LOCKDOWN,
	SV_FAULT_EXCLUSIVE, /* unsupported exclusive or atomic access */
	SV_FAULT_DOMAIN,    /* AArch32 short descriptors */
};

enum sv_fault_kind sv_syndrome_fault_kind(unsigned fsc);

/* Exception classes and bits that callers ask for by name (DDI 0487, D24.2, ESR_EL1 and ESR_EL2). */
#define SV_EC(esr)              ((unsigned)((esr) >> 26 & 0x3f))
#define SV_FSC(esr)             ((unsigned)((esr)&0x3f))
#define SV_EC_LDST64B           0x0a
#define SV_EC_INSTRUCTION_LOWER 0x20
#define SV_EC_INSTRUCTION       0x21
#define SV_EC_DATA_LOWER        0x24
#define SV_EC_DATA              0x25
#define SV_EC_SERROR            0x2f
#define SV_ESR_ISV              (UINT64_C(1) << 24)
#define SV_ESR_SET              (UINT64_C(3) << 11)
#define SV_ESR_FnV              (UINT64_C(1) << 10)
#define SV_ESR_EA               (UINT64_C(1) << 9)
#define SV_ESR_CM               (UINT64_C(1) << 8)
#define SV_ESR_S1PTW            (UINT64_C(1) << 7)
#define SV_ESR_WnR              (UINT64_C(1) << 6)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
