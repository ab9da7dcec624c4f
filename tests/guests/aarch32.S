/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A32. An access that the CPU describes works; one that it does not is refused by name and becomes a data
 * abort, whose handler ends the run with status 42.
 */
	.syntax	unified
	.arm
	.globl	start
start:
	adr	r4, vectors
	mcr	p15, 0, r4, c12, c0, 0		@ VBAR
	isb
	@ The boot protocol: r0 = 0, r1 = all ones, r2 = device tree.
	cmp	r0, #0
	cmneq	r1, #1
	movne	r5, #3
	bne	exit
	ldr	r3, [r2]
	ldr	r4, =0xedfe0dd0
	cmp	r3, r4
	movne	r5, #4
	bne	exit
	mov	r4, #0x0a000000
	mov	r3, #0x77
	str	r3, [r4]
	ldr	r5, [r4]
	cmp	r5, r3
	movne	r5, #5
	bne	exit
	str	r3, [r4], #4
	mov	r5, #6
exit:
	ldr	r4, =0x0a010000
	str	r5, [r4]
1:	b	1b

abort:
	mov	r5, #42
	b	exit
other:
	mov	r5, #7
	b	exit

	.balign	32
vectors:
	b	other
	b	other
	b	other
	b	other
	b	abort
	b	other
	b	other
	b	other
	.ltorg
