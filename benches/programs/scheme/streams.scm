; Continuations and streams as closures: all data is procedures and their environments.
(define (integers n) (lambda (k) (k n (lambda () (integers (+ n 1))))))
(define (smap f s) (lambda (k) (s (lambda (x rest) (k (f x) (lambda () (smap f (rest))))))))
(define (sfilter p s) (lambda (k) (s (lambda (x rest) (if (p x) (k x (lambda () (sfilter p (rest)))) ((sfilter p (rest)) k))))))
(define kept '())
(define (take n s acc)
  (if (= n 0) acc
    (s (lambda (x rest) (if (= 0 (modulo n 16)) (set! kept (cons rest kept)))
                        (take (- n 1) (rest) (+ acc x))))))
(define (run r sum)
  (if (= r 0) sum
    (begin (if (= 0 (modulo r 8)) (set! kept '()))
    (run (- r 1) (+ sum (take 20000 (smap (lambda (x) (* x 3)) (sfilter (lambda (x) (= 0 (modulo x 2))) (integers r))) 0))))))
(display (run 40 0)) (newline)
