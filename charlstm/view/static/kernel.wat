;; W x for a matrix of float32 whose rows are padded with zeros to a multiple of four, four numbers at once (SIMD).
;; Four rows at a time, so that x is loaded once for all of them; what is left of the rows is done one by one.
(module
  (memory (import "page" "memory") 1)

  ;; the dot product of two rows of `quads` times four numbers
  (func $dot (param $w i32) (param $x i32) (param $quads i32) (result f32)
    (local $sum v128)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $quads)))
        (local.set $sum (f32x4.add (local.get $sum)
          (f32x4.mul (v128.load (local.get $w)) (v128.load (local.get $x)))))
        (local.set $w (i32.add (local.get $w) (i32.const 16)))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $quads (i32.sub (local.get $quads) (i32.const 1)))
        (br $next)))
    (call $across (local.get $sum)))

  ;; the sum of four numbers
  (func $across (param $v v128) (result f32)
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $v)) (f32x4.extract_lane 1 (local.get $v)))
      (f32.add (f32x4.extract_lane 2 (local.get $v)) (f32x4.extract_lane 3 (local.get $v)))))

  ;; y = W x: w, x, y are places in memory, `quads` how many times four numbers a row has
  (func (export "product") (param $w i32) (param $x i32) (param $y i32) (param $rows i32) (param $quads i32)
    (local $wide i32) (local $p i32) (local $left i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128) (local $v v128)
    (local.set $wide (i32.shl (local.get $quads) (i32.const 4)))
    (block $fours_done
      (loop $four
        (br_if $fours_done (i32.lt_s (local.get $rows) (i32.const 4)))
        (local.set $a (v128.const f32x4 0 0 0 0))
        (local.set $b (v128.const f32x4 0 0 0 0))
        (local.set $c (v128.const f32x4 0 0 0 0))
        (local.set $d (v128.const f32x4 0 0 0 0))
        (local.set $p (local.get $x))
        (local.set $left (local.get $quads))
        (block $row_done
          (loop $quad
            (br_if $row_done (i32.eqz (local.get $left)))
            (local.set $v (v128.load (local.get $p)))
            (local.set $a (f32x4.add (local.get $a) (f32x4.mul (v128.load (local.get $w)) (local.get $v))))
            (local.set $b (f32x4.add (local.get $b) (f32x4.mul
              (v128.load (i32.add (local.get $w) (local.get $wide))) (local.get $v))))
            (local.set $c (f32x4.add (local.get $c) (f32x4.mul
              (v128.load (i32.add (local.get $w) (i32.shl (local.get $wide) (i32.const 1)))) (local.get $v))))
            (local.set $d (f32x4.add (local.get $d) (f32x4.mul
              (v128.load (i32.add (local.get $w) (i32.mul (local.get $wide) (i32.const 3)))) (local.get $v))))
            (local.set $w (i32.add (local.get $w) (i32.const 16)))
            (local.set $p (i32.add (local.get $p) (i32.const 16)))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br $quad)))
        (f32.store (local.get $y) (call $across (local.get $a)))
        (f32.store offset=4 (local.get $y) (call $across (local.get $b)))
        (f32.store offset=8 (local.get $y) (call $across (local.get $c)))
        (f32.store offset=12 (local.get $y) (call $across (local.get $d)))
        (local.set $y (i32.add (local.get $y) (i32.const 16)))
        (local.set $w (i32.add (local.get $w) (i32.mul (local.get $wide) (i32.const 3))))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 4)))
        (br $four)))
    (block $done  ;; fewer than four rows are left
      (loop $row
        (br_if $done (i32.eqz (local.get $rows)))
        (f32.store (local.get $y) (call $dot (local.get $w) (local.get $x) (local.get $quads)))
        (local.set $y (i32.add (local.get $y) (i32.const 4)))
        (local.set $w (i32.add (local.get $w) (local.get $wide)))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
        (br $row)))))
