/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the boot shim, the ROM and the class that drives Xen share, and nobody else: a guest never sees it, and it may
 * change with every release of the three. src/openvmi/hypervisors/xen/private.py holds the same numbers; a test compares
 * them.
 *
 * ---- The package: the one module that Xen hands to the shim ----
 *
 *    0  |            magic              |                               |
 *    8  |            count              |             size              |
 *   16  entries, XEN_PACK_ENTRY bytes each:
 *       0  |            kind            |           reserved            |
 *       8  | offset of the contents in the package, page aligned        |
 *      16  | size in bytes                                              |
 *      24  | of a module: offset of the name in the package, NUL-terminated; 0: none
 *          | of the guest: boot_info.flags, of which the shim takes XEN_PACK_FLAGS
 *
 * One guest, at most one ROM, at most one command line (not terminated), any number of boot modules in their order.
 *
 * ---- The window, beyond text and data ----
 *
 *   3000  handover: what the shim found out and prepared (below)
 *   4000  shared_info of this domain
 *   5000  trap stubs: 8 bytes for each vector, executable here, written through the direct map
 *   6000  two pages for page-table updates on their way to Xen
 *   8000  console ring of a domain that is not dom0
 *
 * ---- State in which the shim enters the guest, besides the boot contract ----
 *
 * Interrupts are masked in vcpu_info[0] of shared_info, and the periodic timer is off; the GDT is the one at XEN_HANDOVER_GDT. The level 4 table is the
 * one that Xen made; nothing of the shim is mapped any more. The direct map has 4 KiB entries; page tables, the GDT and
 * the pool are read-only there. The root has a shadow, the first page of the pool, empty.
 */
#ifndef XEN_PRIVATE_H
#define XEN_PRIVATE_H

/* ---- package ---- */

#define XEN_PACK_MAGIC 0x314b4341504d4956 /* the bytes VIMPACK1 */
#define XEN_PACK_COUNT 8
#define XEN_PACK_SIZE 12 /* of header and entries, bytes */
#define XEN_PACK_ENTRIES 16
#define XEN_PACK_ENTRY 32
#define XEN_PACK_LIMIT 96 /* entries */

#define XEN_PACK_GUEST 1
#define XEN_PACK_ROM 2
#define XEN_PACK_COMMAND_LINE 3
#define XEN_PACK_MODULE 4

/* What whoever makes a package knows: BOOT_ROM_TRUSTED, BOOT_ROM_REPRODUCED, BOOT_FORCED, BOOT_FIRMWARE_OVERRIDDEN */
#define XEN_PACK_FLAGS 0x1e

/* ---- window ---- */

#define XEN_HANDOVER 0x3000
#define XEN_SHARED_INFO 0x4000
#define XEN_STUBS 0x5000
#define XEN_UPDATES 0x6000
#define XEN_UPDATES_COUNT 512 /* of 16 bytes */
#define XEN_CONSOLE 0x8000
#define XEN_WINDOW_END 0x9000

/* ---- handover: u64 each ---- */

#define XEN_HANDOVER_MAGIC 0 /* XEN_HANDOVER_VALID */
#define XEN_HANDOVER_DIRECT_MAP 8 /* guest-virtual */
#define XEN_HANDOVER_P2M 16 /* guest-virtual in the direct map: machine frame numbers, u64 for each page */
#define XEN_HANDOVER_PAGES 24 /* pages of guest-physical memory */
#define XEN_HANDOVER_FRAMES 32 /* guest-virtual in the direct map: u32 for each page, see below */
#define XEN_HANDOVER_POOL 40 /* guest-physical: pages for the tables that user mode runs on; zeroed, read-only */
#define XEN_HANDOVER_POOL_PAGES 48 /* at most XEN_FRAME_POOL_LIMIT */
#define XEN_HANDOVER_ROOT 56 /* guest-physical: boot_info.page_root */
#define XEN_HANDOVER_GDT 64 /* guest-physical: one page, descriptors of DescriptorsSet from XEN_GDT_FIRST on */
#define XEN_HANDOVER_FLAGS 72 /* XEN_FLAG_ */
#define XEN_HANDOVER_PORTS 80 /* event channels bound for the sources TIMER, CONSOLE and IPI, one after the other */
#define XEN_HANDOVER_CONSOLE_PORT 88
#define XEN_HANDOVER_IPI_PORT 96
#define XEN_HANDOVER_VERSION 128 /* Xen's, as text, NUL-terminated */
#define XEN_HANDOVER_VERSION_SIZE 64
#define XEN_PORTS 64 /* event channels are below: the first word of those that Xen has */
/* Written by whoever implements Shutdown, read by the host afterwards. u32 each. */
#define XEN_EXIT_MAGIC 256 /* XEN_EXIT_VALID */
#define XEN_EXIT_REASON 260 /* ShutdownReason */
#define XEN_EXIT_CODE 264
#define XEN_EXIT_TEXT 272 /* why, for CRASH and REFUSED: ASCII, NUL-terminated; empty: the guest has said it itself */
#define XEN_EXIT_TEXT_SIZE 240

#define XEN_HANDOVER_VALID 0x564f444e4148494d
#define XEN_EXIT_VALID 0x54495845
#define XEN_FLAG_DOM0 1

/* ---- frames: what a page of guest memory is ---- */

#define XEN_FRAME_LEVEL 0x7 /* 0: ordinary memory; 1 to 4: page table of that level */
#define XEN_FRAME_SHADOW_SHIFT 3 /* above: 1 + index in the pool of the table that user mode runs on; 0: none. In the
				  pool: 0 in all is a free page */
#define XEN_FRAME_POOL_LIMIT 0xffff

/*
 * Xen's ring 3 kernel and user mode differ by the page tables only, and Xen sets USER in every entry. In those of level 1
 * it sets this bit too when the guest had left USER out; the ROM sets both, at every level.
 */
#define XEN_PTE_KERNEL_BIT 52

/* ---- selectors (Xen public/arch-x86/xen-x86_64.h): RPL 0 in a frame means the kernel, 3 user mode ---- */

#define XEN_KERNEL_CS 0xe030
#define XEN_KERNEL_SS 0xe02b
#define XEN_USER_CS 0xe033
#define XEN_USER_SS 0xe02b
#define XEN_GDT_FIRST 6 /* slot in the GDT of the first descriptor of DescriptorsSet: selector 0x33 */

/* ---- the shim's own place: a level 4 entry that no guest may use ---- */

#define XEN_SHIM_BASE 0xffffc00000000000
/* When the shim gives up it leaves the exit record of the handover page here instead, same offsets. */
#define XEN_SHIM_RECORD XEN_SHIM_BASE

#endif
