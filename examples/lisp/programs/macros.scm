;; syntax-rules.
(define-syntax swap!
  (syntax-rules () ((_ a b) (let ((temporary a)) (set! a b) (set! b temporary)))))
(define temporary 1)
(define other 2)
(swap! temporary other)
(write (list temporary other))
(let ((let 3) (set! 4)) (write (list let set!)))
(newline)

(define-syntax my-or
  (syntax-rules () ((_) #f) ((_ e) e) ((_ e rest ...) (let ((t e)) (if t t (my-or rest ...))))))
(define t 5)
(write (my-or #f t))
(newline)

(define-syntax while
  (syntax-rules ()
    ((_ test body ...) (let loop () (when test body ... (loop))))))
(define i 0)
(while (< i 3) (write i) (set! i (+ i 1)))
(newline)

(define-syntax for
  (syntax-rules (in from to)
    ((_ x in list body ...) (for-each (lambda (x) body ...) list))
    ((_ x from a to b body ...) (do ((x a (+ x 1))) ((> x b)) body ...))))
(for x in '(1 2 3) (write (* x x)))
(for x from 1 to 4 (write x))
(newline)

;; Nested ellipses, patterns with a tail, vectors, literals, escapes.
(define-syntax my-let*
  (syntax-rules ()
    ((_ ((name value) ...) body ...) (my-let* "in" ((name value) ...) body ...))
    ((_ "in" () body ...) (let () body ...))
    ((_ "in" ((name value) more ...) body ...) (let ((name value)) (my-let* "in" (more ...) body ...)))))
(write (my-let* ((x 1) (y (+ x 1)) (z (* y 2))) (list x y z)))
(define-syntax table
  (syntax-rules () ((_ (key value ...) ...) '((key (value ...) value ...) ...))))
(write (table (a 1 2) (b) (c 3)))
(define-syntax last-of
  (syntax-rules () ((_ first ... last) 'last)))
(write (last-of 1 2 3))
(define-syntax vector-parts
  (syntax-rules () ((_ #(first rest ...)) '(first (rest ...)))))
(write (vector-parts #(1 2 3)))
(define-syntax flatten
  (syntax-rules () ((_ (x ...) ...) '(x ... ...))))
(write (flatten (1 2) () (3)))
(define-syntax with-dots
  (syntax-rules () ((_ name) '(name (... ...)))))
(write (with-dots x))
(define-syntax my-list
  (syntax-rules ::: () ((_ x :::) (list x ::: '...))))
(write (my-list 1 2))
(newline)

;; A macro that defines, and macros that are local.
(define-syntax define-pair
  (syntax-rules () ((_ a b value) (begin (define a value) (define b (+ a 1))))))
(define-pair one two 1)
(define (inside) (define-pair x y 10) (list x y))
(write (list one two (inside)))
(define (local n)
  (define-syntax twice (syntax-rules () ((_ e) (begin e e))))
  (define count 0)
  (twice (set! count (+ count n)))
  count)
(write (local 4))
(write (let-syntax ((ten (syntax-rules () ((_) 10)))) (+ (ten) 1)))
(write (letrec-syntax ((even-args? (syntax-rules () ((_) #t) ((_ x rest ...) (odd-args? rest ...))))
                       (odd-args? (syntax-rules () ((_) #f) ((_ x rest ...) (even-args? rest ...)))))
         (list (even-args? 1 2) (even-args? 1))))
(newline)

;; Names of the language may be anybody's.
(define (f list) (list 1 2))
(write (f +))
(define-syntax kw (syntax-rules (=>) ((_ a => b) 'arrow) ((_ a b c) 'three)))
(write (list (kw 1 => 2) (kw 1 2 3)))
(write (let ((if list)) (if 1 2 3)))
(write `(1 `(2 ,(3 ,(+ 1 3)))))
(newline)
(define (show . all) (for-each (lambda (x) (write x) (display " ")) all) (newline))
(cond-expand ((and r7rs (not nothing) (or nothing (library (scheme base)))) (show 'chosen)) (else (show 'wrong)))
(cond-expand ((or) (show 'wrong)) ((library (other)) (show 'wrong)) ((and) (show 'and)))
(define-library (a b) (export inner) (import (scheme base)) (begin (define (inner) 'inner)))
(import (only (a b) inner))
(define (records)
  (define-record-type point (make-point y) point? (x point-x set-point-x!) (y point-y))
  (let ((point (make-point 2))) (set-point-x! point 1) (list (point? point) (point? 1) (point-x point) (point-y point))))
(show (inner) (records) (guard (e (#f 1)) 2) (guard (e ((symbol? e) => list)) (raise 'x)))
(show (guard (e (else (list 'outer e))) (guard (e ((number? e) e)) (raise 'not-a-number))))
