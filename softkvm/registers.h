/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system registers that the CPU has, one a row, in the order of their encodings: name, op0, op1, CRn, CRm, op2 as the Arm ARM gives them
 * (DDI 0487, D24), who may access it, which bits a write changes, and the value after reset. A bit that a
 * write does not change keeps its reset value.
 *
 * The ID registers say what the model does, and are what its own code asks: a feature that they do not name
 * is UNDEFINED. Registers that are a view of PSTATE, and SP_EL0, are in sysreg.c.
 */
#ifndef SOFTKVM_REGISTERS_H
#define SOFTKVM_REGISTERS_H

/* Who may read (R) and write (W) a register: EL0 and EL1, or without EL0_ EL1 alone. */
enum soft_rights {
	SOFT_R = 1,
	SOFT_W = 2,
	SOFT_RW = 3,
	SOFT_EL0_R = 4 | SOFT_R,
	SOFT_EL0_R_RW = 4 | SOFT_RW, /* EL0 reads, EL1 writes too */
	SOFT_EL0_RW = 8 | 4 | SOFT_RW,
	SOFT_FIXED = 16 | SOFT_R, /* an ID register: the host cannot change it either */
};

#define SOFT_ALL (~UINT64_C(0))

/* FEAT_RAS, EL1 and EL0 in AArch64 state, SIMD registers without half precision */
#define SOFT_PFR0 (UINT64_C(1) << 28 | 0x11)
/* FEAT_FlagM2, FEAT_LSE, FEAT_CRC32 */
#define SOFT_ISAR0 (UINT64_C(2) << 52 | 2 << 20 | 1 << 16)
/* FEAT_SB, FEAT_LRCPC2, FEAT_DPB2 */
#define SOFT_ISAR1 (UINT64_C(1) << 36 | 2 << 20 | 2)
/* all granules, mixed endianness, 16-bit ASIDs, 48-bit addresses */
#define SOFT_MMFR0 (1 << 20 | 1 << 8 | 2 << 4 | 5)
/* FEAT_PAN2, FEAT_HPDS */
#define SOFT_MMFR1 (2 << 20 | 1 << 12)
/* FEAT_E0PD, FEAT_UAO */
#define SOFT_MMFR2 (UINT64_C(1) << 60 | 1 << 4)

/* IDC and DIC: instruction fetches need no maintenance. Lines of 64 bytes. */
#define SOFT_CTR (UINT64_C(1) << 31 | 1 << 29 | 1 << 28 | 4 << 24 | 4 << 20 | 4 << 16 | 3 << 14 | 4)

/* M, A, C, SA, SA0, CP15BEN, UMA, I, DZE, UCT, nTWI, nTWE, WXN, SPAN, E0E, EE, UCI */
#define SOFT_SCTLR_BITS 0x078dd23f

/* clang-format off */
#define SOFT_REGS(X) \
	X(MDSCR_EL1,         2, 0, 0, 2, 2,   RW,       0xa001,        0)          \
	X(OSLAR_EL1,         2, 0, 1, 0, 4,   W,        1,             0)          \
	X(OSLSR_EL1,         2, 0, 1, 1, 4,   R,        0,             8)          \
	X(OSDLR_EL1,         2, 0, 1, 3, 4,   RW,       1,             0)          \
	X(MIDR_EL1,          3, 0, 0, 0, 0,   FIXED,    0,             0x000f0000) \
	X(MPIDR_EL1,         3, 0, 0, 0, 5,   R,        SOFT_ALL,      1u << 31)   \
	X(REVIDR_EL1,        3, 0, 0, 0, 6,   FIXED,    0,             0)          \
	X(ID_AA64PFR0_EL1,   3, 0, 0, 4, 0,   FIXED,    0,             SOFT_PFR0)  \
	X(ID_AA64PFR1_EL1,   3, 0, 0, 4, 1,   FIXED,    0,             0)          \
	X(ID_AA64ZFR0_EL1,   3, 0, 0, 4, 4,   FIXED,    0,             0)          \
	X(ID_AA64SMFR0_EL1,  3, 0, 0, 4, 5,   FIXED,    0,             0)          \
	X(ID_AA64DFR0_EL1,   3, 0, 0, 5, 0,   FIXED,    0,             6)          \
	X(ID_AA64DFR1_EL1,   3, 0, 0, 5, 1,   FIXED,    0,             0)          \
	X(ID_AA64ISAR0_EL1,  3, 0, 0, 6, 0,   FIXED,    0,             SOFT_ISAR0) \
	X(ID_AA64ISAR1_EL1,  3, 0, 0, 6, 1,   FIXED,    0,             SOFT_ISAR1) \
	X(ID_AA64ISAR2_EL1,  3, 0, 0, 6, 2,   FIXED,    0,             0)          \
	X(ID_AA64MMFR0_EL1,  3, 0, 0, 7, 0,   FIXED,    0,             SOFT_MMFR0) \
	X(ID_AA64MMFR1_EL1,  3, 0, 0, 7, 1,   FIXED,    0,             SOFT_MMFR1) \
	X(ID_AA64MMFR2_EL1,  3, 0, 0, 7, 2,   FIXED,    0,             SOFT_MMFR2) \
	X(ID_AA64MMFR3_EL1,  3, 0, 0, 7, 3,   FIXED,    0,             0)          \
	X(SCTLR_EL1,         3, 0, 1, 0, 0,   RW,       SOFT_SCTLR_BITS, 0x00c50078) \
	X(ACTLR_EL1,         3, 0, 1, 0, 1,   RW,       0,             0)          \
	X(CPACR_EL1,         3, 0, 1, 0, 2,   RW,       3 << 20,       0)          \
	X(TTBR0_EL1,         3, 0, 2, 0, 0,   RW,       SOFT_ALL,      0)          \
	X(TTBR1_EL1,         3, 0, 2, 0, 1,   RW,       SOFT_ALL,      0)          \
	X(TCR_EL1,           3, 0, 2, 0, 2,   RW,       SOFT_ALL,      0)          \
	X(SPSR_EL1,          3, 0, 4, 0, 0,   RW,       SOFT_ALL,      0)          \
	X(ELR_EL1,           3, 0, 4, 0, 1,   RW,       SOFT_ALL,      0)          \
	X(AFSR0_EL1,         3, 0, 5, 1, 0,   RW,       0,             0)          \
	X(AFSR1_EL1,         3, 0, 5, 1, 1,   RW,       0,             0)          \
	X(ESR_EL1,           3, 0, 5, 2, 0,   RW,       SOFT_ALL,      0)          \
	X(ERRIDR_EL1,        3, 0, 5, 3, 0,   FIXED,    0,             0)          \
	X(FAR_EL1,           3, 0, 6, 0, 0,   RW,       SOFT_ALL,      0)          \
	X(PAR_EL1,           3, 0, 7, 4, 0,   RW,       SOFT_ALL,      0)          \
	X(MAIR_EL1,          3, 0, 10, 2, 0,  RW,       SOFT_ALL,      0)          \
	X(AMAIR_EL1,         3, 0, 10, 3, 0,  RW,       0,             0)          \
	X(VBAR_EL1,          3, 0, 12, 0, 0,  RW,       ~UINT64_C(0x7ff), 0)       \
	X(ISR_EL1,           3, 0, 12, 1, 0,  R,        0,             0)          \
	X(DISR_EL1,          3, 0, 12, 1, 1,  RW,       0x81ffffff,    0)          \
	X(CONTEXTIDR_EL1,    3, 0, 13, 0, 1,  RW,       0xffffffff,    0)          \
	X(TPIDR_EL1,         3, 0, 13, 0, 4,  RW,       SOFT_ALL,      0)          \
	X(CNTKCTL_EL1,       3, 0, 14, 1, 0,  RW,       0x303,         0)          \
	X(CCSIDR_EL1,        3, 1, 0, 0, 0,   R,        0,             0)          \
	X(CLIDR_EL1,         3, 1, 0, 0, 1,   R,        0,             0)          \
	X(AIDR_EL1,          3, 1, 0, 0, 7,   FIXED,    0,             0)          \
	X(CSSELR_EL1,        3, 2, 0, 0, 0,   RW,       0xf,           0)          \
	X(CTR_EL0,           3, 3, 0, 0, 1,   EL0_R,    0,             SOFT_CTR)   \
	X(DCZID_EL0,         3, 3, 0, 0, 7,   EL0_R,    0,             4)          \
	X(FPCR,              3, 3, 4, 4, 0,   EL0_RW,   0x07f79f00,    0)          \
	X(FPSR,              3, 3, 4, 4, 1,   EL0_RW,   0x0800009f,    0)          \
	X(TPIDR_EL0,         3, 3, 13, 0, 2,  EL0_RW,   SOFT_ALL,      0)          \
	X(TPIDRRO_EL0,       3, 3, 13, 0, 3,  EL0_R_RW, SOFT_ALL,      0)
/* clang-format on */

enum soft_reg {
#define X(name, op0, op1, CRn, CRm, op2, access, writable, reset) SOFT_##name,
	SOFT_REGS(X)
#undef X
		SOFT_REG_COUNT
};

#endif
