/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bare-metal side, at EL2: runs what the driver put into the slots, one instruction a case, and writes down what became of it.
 * It decides nothing: tables, system registers and states are the driver's.
 *
 * Every case ends in EL2: by a stage-2 abort, by the BRK behind the instruction (MDCR_EL2.TDE sends it here from EL1 and EL0),
 * or by the HVC that is all there is in the vectors of EL1.
 */
#include "exchange.h"

#define HCR_VM  (1 << 0)
#define HCR_RW  (1 << 31)
#define HCR_APK (1 << 40)
#define HCR_API (1 << 41)
#define HCR_ATA (1 << 56)

	.arch	armv8-a+sve

	.macro	xpairs instruction, offset
	\instruction	x0, x1, [sp, #\offset]
	\instruction	x2, x3, [sp, #\offset + 16]
	\instruction	x4, x5, [sp, #\offset + 32]
	\instruction	x6, x7, [sp, #\offset + 48]
	\instruction	x8, x9, [sp, #\offset + 64]
	\instruction	x10, x11, [sp, #\offset + 80]
	\instruction	x12, x13, [sp, #\offset + 96]
	\instruction	x14, x15, [sp, #\offset + 112]
	\instruction	x16, x17, [sp, #\offset + 128]
	\instruction	x18, x19, [sp, #\offset + 144]
	\instruction	x20, x21, [sp, #\offset + 160]
	\instruction	x22, x23, [sp, #\offset + 176]
	\instruction	x24, x25, [sp, #\offset + 192]
	\instruction	x26, x27, [sp, #\offset + 208]
	\instruction	x28, x29, [sp, #\offset + 224]
	.endm

	.macro	vpairs instruction, offset
	\instruction	q0, q1, [sp, #\offset]
	\instruction	q2, q3, [sp, #\offset + 32]
	\instruction	q4, q5, [sp, #\offset + 64]
	\instruction	q6, q7, [sp, #\offset + 96]
	\instruction	q8, q9, [sp, #\offset + 128]
	\instruction	q10, q11, [sp, #\offset + 160]
	\instruction	q12, q13, [sp, #\offset + 192]
	\instruction	q14, q15, [sp, #\offset + 224]
	\instruction	q16, q17, [sp, #\offset + 256]
	\instruction	q18, q19, [sp, #\offset + 288]
	\instruction	q20, q21, [sp, #\offset + 320]
	\instruction	q22, q23, [sp, #\offset + 352]
	\instruction	q24, q25, [sp, #\offset + 384]
	\instruction	q26, q27, [sp, #\offset + 416]
	\instruction	q28, q29, [sp, #\offset + 448]
	\instruction	q30, q31, [sp, #\offset + 480]
	.endm

	/* How the case ended, to [base, #offset]; trashes x0 and x1. */
	.macro	trap base, offset
	mrs	x0, esr_el2
	mrs	x1, far_el2
	stp	x0, x1, [\base, #\offset]
	mrs	x0, hpfar_el2
	mrs	x1, esr_el1
	stp	x0, x1, [\base, #\offset + 16]
	mrs	x0, far_el1
	str	x0, [\base, #\offset + 32]
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
	tst	x0, #0xf << 32		/* SVE: vectors of 128 bits, so that V is all there is of Z */
	b.eq	1f
	msr	s3_4_c1_c2_0, xzr	/* ZCR_EL2 */
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	ptrue	p\n\().b
	.endr
1:	mrs	x0, id_aa64mmfr1_el1
	tst	x0, #0xf << 40		/* HCX */
	b.eq	1f
	mov	x0, #1 << 11 | 7	/* HCRX_EL2: MSCEn, EnALS, EnAS0, EnASR */
	msr	s3_4_c1_c2_2, x0
1:	ldr	x0, =VECTOR_VA
	msr	vbar_el1, x0
	msr	spsel, #1
	isb
	mov	x20, #0			/* batches done */

next_batch:
	ldr	x19, =MAIL_PA
1:	add	x1, x19, #MAIL_PRODUCED
	ldar	x0, [x1]
	cmp	x0, x20
	b.hi	2f
	yield
	b	1b

2:	mov	x1, #BATCHES
	udiv	x2, x20, x1
	msub	x2, x2, x1, x20
	mov	x1, #BATCH_BYTES
	madd	x21, x2, x1, x19
	add	x21, x21, #MAIL_BATCHES
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

	/* The words, all before any runs: a page that holds translated code is slow to write. */
	ldr	x22, [x21, #BATCH_SLOTS]
	add	x22, x22, #SLOT_MIDDLE
	ldr	x1, [x21, #BATCH_COUNT]
	mov	x2, #SLOT_BYTES
	madd	x23, x1, x2, x22	/* behind the last slot */
	msr	tpidr_el2, x23
	mov	x1, x22
1:	ldp	x2, x3, [x1, #IN_CODE]
	str	x3, [x2]
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
	adr	x0, brief_vectors
1:	msr	vbar_el2, x0
	isb
	tlbi	alle1
	dsb	ish
	isb
	adr	x0, saved
	stp	x20, x21, [x0]
	stp	x22, x24, [x0, #16]
	mov	x1, #TRAP_BYTES
	sub	x2, x24, #1
	mul	x1, x2, x1
	add	x1, x1, #BRIEF
	str	x1, [x0, #32]
	mov	sp, x22

run:
	ldp	x0, x1, [sp, #IN_PC]
	msr	elr_el2, x0
	msr	spsr_el2, x1
	ldp	x0, x1, [sp, #IN_SP]
	msr	sp_el0, x0
	msr	sp_el1, x1
	msr	esr_el1, xzr
	vpairs	ldp, IN_V
	xpairs	ldp, IN_X
	ldp	x30, xzr, [sp, #IN_X + 240]
	eret

full:
	xpairs	stp, OUT_X
	str	x30, [sp, #OUT_X + 240]
	vpairs	stp, OUT_V
	mrs	x0, sp_el0
	mrs	x1, sp_el1
	stp	x0, x1, [sp, #OUT_SP]
	mrs	x0, elr_el2
	mrs	x1, spsr_el2
	stp	x0, x1, [sp, #OUT_PC]
	trap	sp, OUT_TRAP
ran:
	add	sp, sp, #SLOT_BYTES
	mov	x0, sp
	mrs	x1, tpidr_el2
	cmp	x0, x1
	b.ne	run

	adr	x0, saved
	ldp	x20, x21, [x0]
	ldp	x22, x24, [x0, #16]
	add	x24, x24, #1
	ldr	x1, [x21, #BATCH_PASSES]
	cmp	x24, x1
	b.ne	next_pass
	add	x20, x20, #1
	ldr	x19, =MAIL_PA
	add	x0, x19, #MAIL_DONE
	stlr	x20, [x0]
	b	next_batch

brief:
	adr	x2, saved
	ldr	x2, [x2, #32]
	mov	x3, sp
	add	x2, x2, x3
	trap	x2, 0
	b	ran

fatal:
	ldr	x1, =MAIL_PA
	mrs	x0, elr_el2
	str	x0, [x1, #MAIL_FATAL + 8]
	mrs	x0, far_el2
	str	x0, [x1, #MAIL_FATAL + 16]
	mrs	x0, esr_el2
	add	x1, x1, #MAIL_FATAL
	stlr	x0, [x1]
1:	wfi
	b	1b

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
saved:	.skip	48
	.ltorg

	/* The vectors of EL1, in a page of their own. */
	.section .el1, "ax"
	.irp	entry, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	.balign	0x80
	hvc	#1
	.endr
