/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For a board with a PL011 at DEVICE and nothing at NOTHING: two accesses to each, of which the CPU describes
 * the second; then, or at the first exception, the end by semihosting (Arm's "Semihosting for AArch32 and
 * AArch64", SYS_EXIT) with status 7.
 */
	.globl	_start
_start:	mrs	x0, mpidr_el1
	tst	x0, #3
1:	b.ne	1b
	adr	x1, vectors
	mrs	x0, CurrentEL
	cmp	x0, #2 << 2
	b.lo	3f
	b.eq	2f
	msr	vbar_el3, x1
2:	msr	vbar_el2, x1
3:	msr	vbar_el1, x1
	isb
	ldr	x0, =DEVICE
	mov	w1, #'A'
device:	strb	w1, [x0], #0
	strb	w1, [x0]
	ldr	x0, =NOTHING
nothing: ldp	w3, w4, [x0, #16]
	ldr	w3, [x0, #32]
end:	mov	w0, #0x18
	adr	x1, reason
	hlt	#0xf000
	.balign	8
reason:	.quad	0x20026, 7
	.balign	0x800
vectors:
	.rept	16
	b	end
	.balign	0x80
	.endr
