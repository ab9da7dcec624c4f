/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bare-metal side of the translation oracle, at EL2: for each slot it sets the translation registers,
 * does one access at EL1 or EL0, and one AT, and writes down what became of them. It decides nothing.
 *
 * An access ends in EL2: by the BRK behind it or, of a fetch, at its address (MDCR_EL2.TDE sends it here), by
 * a stage-2 abort, or by the HVC that is all there is in the vectors of EL1.
 */
#include "mailbox.S"
#include "translate.h"

#define HCR_VM (1 << 0)
#define HCR_RW (1 << 31)

#define HAS_PIE (1 << 0)
#define HAS_POE (1 << 1)

	.arch	armv8.4-a

	.macro	move from, offset
	ldr	x0, [sp, #\offset]
	msr	\from, x0
	.endm

	.macro	save from, offset
	mrs	x0, \from
	str	x0, [sp, #\offset]
	.endm

	.text
	.globl	start
start:
	adr	x0, vectors
	msr	vbar_el2, x0
	mov	x0, #0x22ff		/* CPTR_EL2 */
	msr	cptr_el2, x0
	mov	x0, #1 << 8		/* MDCR_EL2.TDE */
	msr	mdcr_el2, x0
	ldr	x19, =T_ID_PA
	mrs	x0, id_aa64mmfr0_el1
	mrs	x1, id_aa64mmfr1_el1
	stp	x0, x1, [x19]
	mrs	x0, id_aa64mmfr2_el1
	mrs	x2, s3_0_c0_c7_3	/* ID_AA64MMFR3_EL1 */
	stp	x0, x2, [x19, #16]
	mrs	x0, id_aa64pfr1_el1
	mrs	x3, id_aa64isar1_el1
	stp	x0, x3, [x19, #32]
	mrs	x0, s3_0_c0_c6_2	/* ID_AA64ISAR2_EL1 */
	str	x0, [x19, #48]
	mov	x0, #1
	add	x1, x19, #56
	stlr	x0, [x1]
	mov	x28, #0
	ubfx	x0, x2, #8, #4
	cbz	x0, 1f
	orr	x28, x28, #HAS_PIE
1:	ubfx	x0, x2, #16, #4
	cbz	x0, 1f
	orr	x28, x28, #HAS_POE
1:	cbz	x28, 1f
	mov	x0, #1 << 14		/* HCRX_EL2.TCR2En */
	msr	s3_4_c1_c2_2, x0
1:	msr	spsel, #1
	isb
	mov	x20, #0			/* batches done */

next_batch:
	await_batch
	ldr	x0, [x21, #BATCH_VTCR]
	msr	vtcr_el2, x0
	ldr	x1, [x21, #BATCH_VTTBR]
	msr	vttbr_el2, x1
	mov	x2, #HCR_RW
	cmp	x0, #0			/* no VTCR_EL2: no stage 2 */
	cinc	x2, x2, ne
	msr	hcr_el2, x2
	ldr	x22, [x21, #BATCH_SLOTS]
	ldr	x1, [x21, #BATCH_COUNT]
	mov	x2, #T_SLOT_BYTES
	madd	x23, x1, x2, x22
	mov	sp, x22

run:
	move	sctlr_el1, T_SCTLR
	move	tcr_el1, T_TCR
	move	ttbr0_el1, T_TTBR0
	move	ttbr1_el1, T_TTBR1
	move	mair_el1, T_MAIR
	move	vbar_el1, T_VBAR
	move	spsr_el2, T_SPSR
	move	elr_el2, T_ELR
	cbz	x28, 2f
	move	s3_0_c2_c0_3, T_TCR2
	tbz	x28, #0, 1f
	move	s3_0_c10_c2_3, T_PIR
	move	s3_0_c10_c2_2, T_PIRE0
1:	tbz	x28, #1, 2f
	move	s3_3_c10_c2_4, T_POR_EL0
	move	s3_0_c10_c2_4, T_POR_EL1
2:	msr	esr_el1, xzr
	msr	far_el1, xzr
	dsb	ish
	tlbi	alle1
	dsb	ish
	isb
	ldp	x0, x1, [sp, #T_X0]
	mov	x2, #0
	eret

taken:
	str	x2, [sp, #T_X2]
	save	esr_el2, T_ESR_EL2
	save	far_el2, T_FAR_EL2
	save	hpfar_el2, T_HPFAR_EL2
	save	esr_el1, T_ESR_EL1
	save	far_el1, T_FAR_EL1

	/* What a store did, and the word as it was. */
	ldp	x0, x1, [sp, #T_CHECK]
	cbz	x0, 1f
	ldr	w2, [x0]
	str	x2, [sp, #T_FOUND]
	cmp	w1, w2
	b.eq	1f
	str	w1, [x0]
	dsb	ish
	ic	iallu
	dsb	ish

1:	ldr	x0, [sp, #T_SPSR]
	msr	pan, #0
	tbz	x0, #22, 1f
	msr	pan, #1
1:	isb
	ldr	x0, [sp, #T_X0]
	ldr	x1, [sp, #T_AT]
	adr	x2, ats
	add	x2, x2, x1, lsl #3
	br	x2
ats:	b	after_at
	nop
	at	s1e1r, x0
	b	after_at
	at	s1e1w, x0
	b	after_at
	at	s1e0r, x0
	b	after_at
	at	s1e0w, x0
	b	after_at
	at	s1e1rp, x0
	b	after_at
	at	s1e1wp, x0
after_at:
	isb
	mrs	x0, par_el1
at_done:
	str	x0, [sp, #T_PAR]
	add	sp, sp, #T_SLOT_BYTES
	mov	x0, sp
	cmp	x0, x23
	b.ne	run
	batch_done
	b	next_batch

	/* An external abort of an AT is an exception; the driver asks for none. */
at_aborted:
	mrs	x0, esr_el2
	ubfx	x0, x0, #26, #6
	cmp	x0, #0x25
	b.ne	fatal
	mov	x0, #-1
	b	at_done

fatal:
	tell_fatal

	/*
	 * Entry 8, synchronous from a lower EL in AArch64 state, is the only one that should be taken, but
	 * for an AT.
	 */
	.balign	0x800
vectors:
	.irp	entry, 0, 1, 2, 3
	.balign	0x80
	b	fatal
	.endr
	.balign	0x80
	b	at_aborted
	.irp	entry, 5, 6, 7
	.balign	0x80
	b	fatal
	.endr
	.balign	0x80
	b	taken
	.irp	entry, 9, 10, 11, 12, 13, 14, 15
	.balign	0x80
	b	fatal
	.endr
	.balign	0x80
	.ltorg

	/* One page: the vectors of EL1, and the accesses. */
	.section .el1, "ax"
	el1_vectors

	.balign	T_ACCESSES
	.macro	access instruction:vararg
	.balign	16
	\instruction
	brk	#0
	.endm
	access	ldr w2, [x0]
	access	str w1, [x0]
	access	ldtr w2, [x0]
	access	sttr w1, [x0]
	access	swp w1, w2, [x0]
