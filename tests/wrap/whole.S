/* SPDX-License-Identifier: BSD-2-Clause */
/* One instruction with every register loaded before it and stored after it. whole.h says what of. */

	.arch	armv8.1-a+simd

	.macro	pairs what, from, to, base
	.set	n, \from
	.rept	(\to - \from + 1) / 2
	pair	\what, %n, %(n + 1), \base
	.set	n, n + 2
	.endr
	.endm
	.altmacro

	.macro	pair what, first, second, base
	\what	x\first, x\second, [\base, #8 * \first]
	.endm

	.macro	wide what, first, second, base
	\what	q\first, q\second, [\base, #256 + 16 * \first]
	.endm

	.macro	vectors what, base
	.set	n, 0
	.rept	16
	wide	\what, %n, %(n + 1), \base
	.set	n, n + 2
	.endr
	.endm

/*
 * void whole_run(struct whole *registers, void (*instruction)(void)): x0 to x29, v0 to v31 and the flags are
 * the instruction's; x30 is what it returns by.
 */
	.text
	.globl	whole_run
whole_run:
	stp	x29, x30, [sp, #-0xa0]!
	stp	x19, x20, [sp, #0x10]
	stp	x21, x22, [sp, #0x20]
	stp	x23, x24, [sp, #0x30]
	stp	x25, x26, [sp, #0x40]
	stp	x27, x28, [sp, #0x50]
	stp	d8, d9, [sp, #0x60]
	stp	d10, d11, [sp, #0x70]
	stp	d12, d13, [sp, #0x80]
	stp	d14, d15, [sp, #0x90]
	msr	tpidr_el0, x0
	mov	x30, x1
	ldr	x1, [x0, #248]
	msr	nzcv, x1
	vectors	ldp, x0
	pairs	ldp, 2, 29, x0
	ldp	x0, x1, [x0]
	blr	x30
	msr	tpidrro_el0, x0
	mrs	x0, tpidr_el0
	pairs	stp, 2, 29, x0
	mrs	x2, tpidrro_el0
	stp	x2, x1, [x0]
	mrs	x2, nzcv
	str	x2, [x0, #248]
	vectors	stp, x0
	ldp	x19, x20, [sp, #0x10]
	ldp	x21, x22, [sp, #0x20]
	ldp	x23, x24, [sp, #0x30]
	ldp	x25, x26, [sp, #0x40]
	ldp	x27, x28, [sp, #0x50]
	ldp	d8, d9, [sp, #0x60]
	ldp	d10, d11, [sp, #0x70]
	ldp	d12, d13, [sp, #0x80]
	ldp	d14, d15, [sp, #0x90]
	ldp	x29, x30, [sp], #0xa0
	ret
