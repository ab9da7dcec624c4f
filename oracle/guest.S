/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bare-metal side, at EL2: runs what the driver put into the slots, one instruction a case, and writes
 * down what became of it. It decides nothing: tables, system registers and states are the driver's.
 *
 * Every case ends in EL2: by a stage-2 abort, by the BRK behind the instruction (MDCR_EL2.TDE sends it here
 * from EL1 and EL0), or by the HVC that is all there is in the vectors of EL1.
 */
#include "mailbox.S"

#define HCR_VM  (1 << 0)
#define HCR_RW  (1 << 31)
#define HCR_APK (1 << 40)
#define HCR_API (1 << 41)
#define HCR_ATA (1 << 56)

	/* What outlives a case: x20, x21, x22, x24, and these. */
#define SAVED_OUTCOME 32 /* of this pass, from the middle of a slot */
#define SAVED_VECTORS 40 /* struct vectors of this case, or 0 */
#define SAVED_END     48 /* behind the last slot */
#define SAVED_BYTES   64

	.arch	armv8-a+sve

	.macro	xpairs instruction, base, offset
	\instruction	x0, x1, [\base, #\offset]
	\instruction	x2, x3, [\base, #\offset + 16]
	\instruction	x4, x5, [\base, #\offset + 32]
	\instruction	x6, x7, [\base, #\offset + 48]
	\instruction	x8, x9, [\base, #\offset + 64]
	\instruction	x10, x11, [\base, #\offset + 80]
	\instruction	x12, x13, [\base, #\offset + 96]
	\instruction	x14, x15, [\base, #\offset + 112]
	\instruction	x16, x17, [\base, #\offset + 128]
	\instruction	x18, x19, [\base, #\offset + 144]
	\instruction	x20, x21, [\base, #\offset + 160]
	\instruction	x22, x23, [\base, #\offset + 176]
	\instruction	x24, x25, [\base, #\offset + 192]
	\instruction	x26, x27, [\base, #\offset + 208]
	\instruction	x28, x29, [\base, #\offset + 224]
	.endm

	.macro	vpairs instruction, base, offset
	\instruction	q0, q1, [\base, #\offset]
	\instruction	q2, q3, [\base, #\offset + 32]
	\instruction	q4, q5, [\base, #\offset + 64]
	\instruction	q6, q7, [\base, #\offset + 96]
	\instruction	q8, q9, [\base, #\offset + 128]
	\instruction	q10, q11, [\base, #\offset + 160]
	\instruction	q12, q13, [\base, #\offset + 192]
	\instruction	q14, q15, [\base, #\offset + 224]
	\instruction	q16, q17, [\base, #\offset + 256]
	\instruction	q18, q19, [\base, #\offset + 288]
	\instruction	q20, q21, [\base, #\offset + 320]
	\instruction	q22, q23, [\base, #\offset + 352]
	\instruction	q24, q25, [\base, #\offset + 384]
	\instruction	q26, q27, [\base, #\offset + 416]
	\instruction	q28, q29, [\base, #\offset + 448]
	\instruction	q30, q31, [\base, #\offset + 480]
	.endm

	/* Z and P registers, at base; the offsets count registers. */
	.macro	zregisters instruction, base
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\instruction	z\n, [\base, #\n, mul vl]
	.endr
	.endm

	.macro	pregisters instruction, base
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\instruction	p\n, [\base, #\n, mul vl]
	.endr
	.endm

	/* How the case ended, to an outcome at x2; trashes x0 and x1. */
	.macro	trap
	mrs	x0, esr_el2
	mrs	x1, far_el2
	stp	x0, x1, [x2, #OUT_TRAP]
	mrs	x0, hpfar_el2
	mrs	x1, esr_el1
	stp	x0, x1, [x2, #OUT_TRAP + 16]
	mrs	x0, far_el1
	str	x0, [x2, #OUT_TRAP + 32]
	.endm

	.text
	.globl	start
start:
	adr	x0, full_vectors
	msr	vbar_el2, x0
	ldr	x0, =HCR_VM | HCR_RW | HCR_APK | HCR_API | HCR_ATA
	msr	hcr_el2, x0
	mov	x0, #0x22ff		/* CPTR_EL2: no trap of FP, SVE or SME */
	msr	cptr_el2, x0
	ldr	x0, =0x03330000		/* CPACR_EL1: SMEN, FPEN, ZEN */
	msr	cpacr_el1, x0
	mov	x0, #1 << 8		/* MDCR_EL2.TDE */
	msr	mdcr_el2, x0
	isb
	mrs	x0, id_aa64pfr0_el1
	tst	x0, #0xf << 32		/* SVE */
	b.eq	1f
	mov	x0, #0xf
	msr	s3_0_c1_c2_0, x0	/* ZCR_EL1: ZCR_EL2 decides */
	ldr	x1, =MAIL_PA + MAIL_LENGTHS
	mov	x0, #0
2:	msr	s3_4_c1_c2_0, x0	/* ZCR_EL2 */
	isb
	rdvl	x2, #1
	str	x2, [x1, x0, lsl #3]
	add	x0, x0, #1
	cmp	x0, #16
	b.ne	2b
1:	mrs	x0, id_aa64mmfr1_el1
	tst	x0, #0xf << 40		/* HCX */
	b.eq	1f
	mov	x0, #1 << 11 | 7	/* HCRX_EL2: MSCEn, EnALS, EnAS0, EnASR */
	msr	s3_4_c1_c2_2, x0
1:	ldr	x0, =VECTOR_VA
	msr	vbar_el1, x0
	msr	spsel, #1
	isb
	ldr	x1, =MAIL_PA
	mrs	x0, dczid_el0
	str	x0, [x1, #MAIL_DCZID]
	add	x1, x1, #MAIL_READY
	mov	x0, #1
	stlr	x0, [x1]
	mov	x20, #0			/* batches done */

next_batch:
	await_batch
	ldr	x0, [x21, #BATCH_SCTLR]
	msr	sctlr_el1, x0
	ldr	x0, [x21, #BATCH_TTBR0]
	msr	ttbr0_el1, x0
	ldr	x0, [x21, #BATCH_TCR]
	msr	tcr_el1, x0
	ldr	x0, [x21, #BATCH_MAIR]
	msr	mair_el1, x0
	ldr	x0, [x21, #BATCH_VTCR]
	msr	vtcr_el2, x0
	ldr	x0, [x19, #MAIL_LENGTHS]
	cbz	x0, 3f
	ldr	x0, [x21, #BATCH_ZCR]
	msr	s3_4_c1_c2_0, x0	/* ZCR_EL2 */
	isb
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	ptrue	p\n\().b
	.endr
3:

	/* The words, all before any runs: a page that holds translated code is slow to write. */
	ldr	x22, [x21, #BATCH_SLOTS]
	add	x22, x22, #SLOT_MIDDLE
	ldr	x1, [x21, #BATCH_COUNT]
	mov	x2, #SLOT_BYTES
	madd	x23, x1, x2, x22	/* behind the last slot */
	adr	x0, saved
	str	x23, [x0, #SAVED_END]
	mov	x1, x22
1:	ldp	x2, x3, [x1, #IN_CODE]
	ldr	x4, [x1, #IN_CODE + 16]
	stp	x3, x4, [x2]
	add	x1, x1, #SLOT_BYTES
	cmp	x1, x23
	b.ne	1b
	dsb	ish
	ic	iallu
	dsb	ish

	mov	x24, #0			/* pass */
next_pass:
	add	x0, x21, #BATCH_VTTBR
	ldr	x0, [x0, x24, lsl #3]
	msr	vttbr_el2, x0
	adr	x0, full_vectors
	cbz	x24, 1f
	ldr	x1, [x21, #BATCH_FULL]
	cbnz	x1, 1f
	adr	x0, brief_vectors
1:	msr	vbar_el2, x0
	isb
	tlbi	alle1
	dsb	ish
	isb
	adr	x0, saved
	stp	x20, x21, [x0]
	stp	x22, x24, [x0, #16]
	mov	x1, #OUTCOME_BYTES
	mul	x1, x24, x1
	str	x1, [x0, #SAVED_OUTCOME]
	ldr	x1, [x21, #BATCH_VECTORS]
	str	x1, [x0, #SAVED_VECTORS]
	mov	sp, x22

run:
	ldp	x0, x1, [sp, #IN_PC]
	msr	elr_el2, x0
	msr	spsr_el2, x1
	ldp	x0, x1, [sp, #IN_SP]
	msr	sp_el0, x0
	msr	sp_el1, x1
	msr	esr_el1, xzr
	adr	x0, saved
	ldr	x1, [x0, #SAVED_VECTORS]
	cbz	x1, 1f
	zregisters	ldr, x1
	add	x1, x1, #VECTORS_Z
	pregisters	ldr, x1
	b	2f
1:	vpairs	ldp, sp, IN_V
2:	xpairs	ldp, sp, IN_X
	ldp	x30, xzr, [sp, #IN_X + 240]
	eret

full:
	msr	tpidr_el2, x0
	adr	x0, saved
	ldr	x0, [x0, #SAVED_OUTCOME]
	add	x0, sp, x0
	xpairs	stp, x0, OUT_X
	str	x30, [x0, #OUT_X + 240]
	mov	x2, x0
	mrs	x0, tpidr_el2
	str	x0, [x2, #OUT_X]
	mrs	x0, sp_el0
	mrs	x1, sp_el1
	stp	x0, x1, [x2, #OUT_SP]
	mrs	x0, elr_el2
	mrs	x1, spsr_el2
	stp	x0, x1, [x2, #OUT_PC]
	trap
	mov	x0, sp
	cmp	x0, x2
	b.ne	ran			/* of the first pass alone */
	adr	x0, saved
	ldr	x1, [x0, #SAVED_VECTORS]
	cbz	x1, 1f
	mov	x0, #VECTORS_OUT
	add	x1, x1, x0
	zregisters	str, x1
	add	x1, x1, #VECTORS_Z
	pregisters	str, x1
	b	ran
1:	add	x0, sp, #OUT_V
	vpairs	stp, x0, 0
ran:
	adr	x0, saved
	ldr	x1, [x0, #SAVED_VECTORS]
	cbz	x1, 1f
	mov	x2, #VECTORS_BYTES
	add	x1, x1, x2
	str	x1, [x0, #SAVED_VECTORS]
1:	ldr	x1, [x0, #SAVED_END]
	add	sp, sp, #SLOT_BYTES
	mov	x0, sp
	cmp	x0, x1
	b.ne	run

	adr	x0, saved
	ldp	x20, x21, [x0]
	ldp	x22, x24, [x0, #16]
	add	x24, x24, #1
	ldr	x1, [x21, #BATCH_PASSES]
	cmp	x24, x1
	b.ne	next_pass
	ldr	x19, =MAIL_PA
	batch_done
	b	next_batch

brief:
	adr	x2, saved
	ldr	x2, [x2, #SAVED_OUTCOME]
	mov	x3, sp
	add	x2, x2, x3
	trap
	b	ran

fatal:
	tell_fatal

	/* Entry 8, synchronous from a lower EL in AArch64 state, is the only one that should be taken. */
	.macro	vectors synchronous
	.irp	entry, 0, 1, 2, 3, 4, 5, 6, 7
	.balign	0x80
	b	fatal
	.endr
	.balign	0x80
	b	\synchronous
	.irp	entry, 9, 10, 11, 12, 13, 14, 15
	.balign	0x80
	b	fatal
	.endr
	.endm

	.balign	0x800
full_vectors:
	vectors	full
	.balign	0x800
brief_vectors:
	vectors	brief

	.balign	16
saved:	.skip	SAVED_BYTES
	.ltorg

	/* The vectors of EL1, in a page of their own. */
	.section .el1, "ax"
	el1_vectors
