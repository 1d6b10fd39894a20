;; Counters that share nothing, cycles among closures, and a queue made of them.
(define (make-counter)
  (let ((count 0))
    (lambda () (set! count (+ count 1)) count)))

(define a (make-counter))
(define b (make-counter))
(a) (a)
(write (list (a) (b) (a) (b)))
(newline)

(define (make-queue)
  (let ((front '()) (back '()))
    (define (flip!)
      (when (null? front)
        (set! front (reverse back))
        (set! back '())))
    (define (take!)
      (flip!)
      (let ((item (car front)))
        (set! front (cdr front))
        item))
    (lambda (message . arguments)
      (case message
        ((put) (set! back (cons (car arguments) back)))
        ((take) (take!))
        ((empty?) (flip!) (null? front))
        (else (error "unknown message" message))))))

;; Each turn makes a queue that refers to itself, and drops the one before.
(define (work turns queue sum)
  (if (= turns 0)
      sum
      (let ((next (make-queue)))
        (next 'put next)
        (next 'put turns)
        (let ((itself (next 'take)))
          (work (- turns 1) next (+ sum (itself 'take)))))))

(write (work 2000 #f 0))
(newline)

;; A variable that is captured is new in each turn of a loop.
(define procedures
  (do ((i 0 (+ i 1))
       (all '() (cons (lambda () i) all)))
      ((= i 5) (reverse all))))
(write (map (lambda (procedure) (procedure)) procedures))
(newline)

;; So is one of a `let`, also where another `let` follows.
(define first
  (begin
    (let ((x 1)) (set! a (lambda () x)))
    (let ((y 2)) (list y (a)))))
(write first)
(newline)
